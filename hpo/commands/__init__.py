"""The command line: one module a command, each with short bodies and its heavy imports inside."""
