"""One training with its evaluations, beside the guide's recipe: `make bench-trial`."""
