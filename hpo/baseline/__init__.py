"""A language model's score on the same dev set, as a yardstick beside the search."""
