"""The search and its command line."""
