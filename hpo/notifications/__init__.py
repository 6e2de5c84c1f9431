"""Messages to a team's chat: a new best, failures in a row, the end of a search."""
