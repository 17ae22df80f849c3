"""What each command does: open, plan, confirm, apply, report."""
