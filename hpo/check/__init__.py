"""`hpo check`: what a team looks at before an experiment and before a submission, a line each."""
