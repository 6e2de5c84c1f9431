"""What hpo costs and gains, measured beside its peers: `make bench-…`."""
