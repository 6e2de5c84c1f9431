"""How often the winner of a search is its best configuration, with and without `hpo confirm`."""
