"""Changes of the recorded modules: records in, a step out."""
