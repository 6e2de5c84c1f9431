"""A search under a seeded schedule of faults, and the table of what became of it."""
