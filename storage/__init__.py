"""Where studies live: a relational database, and who works on which trial."""
