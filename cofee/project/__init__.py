"""A service on disk: working tree, index, migrations, plan, apply and journal."""
