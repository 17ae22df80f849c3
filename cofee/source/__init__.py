"""The user's own Python: imports, renames and bindings."""
