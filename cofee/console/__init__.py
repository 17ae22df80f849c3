"""What the user sees and answers: output, confirmations, wizard."""
