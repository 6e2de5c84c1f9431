"""Trials an hour of one card (or the CPU) that 1, 2, 3, … workers share."""
