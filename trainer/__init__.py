"""One KoBART fine-tuning run, usable without any study."""
