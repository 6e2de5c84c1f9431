"""What a search costs its database: ask, report and tell under load, beside plain Optuna."""
