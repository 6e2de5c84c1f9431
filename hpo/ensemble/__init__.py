"""Which of a study's models make the best ensemble, and what each of them adds."""
