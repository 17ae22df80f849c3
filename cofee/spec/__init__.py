"""What a module may be: fields, names, rules and their checks."""
