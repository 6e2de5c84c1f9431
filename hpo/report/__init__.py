"""The team's experiment record: what a study was for, what it found, and how far to trust it."""
