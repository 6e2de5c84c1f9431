"""The search on recorded learning curves, in virtual time: `make bench-search`."""
