"""What can be set, and how it may vary."""
