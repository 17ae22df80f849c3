"""Templates: where they come from, trust, questions and upgrade notes."""
