"""A short search under every sort of fault at once; `make chaos` runs the long one."""

import tempfile
from pathlib import Path

import pytest
from chaos.run import run
from chaos.schedule import Plan


@pytest.mark.parametrize(("database", "workers"), [("postgresql", 3), ("sqlite", 2)])
def test_a_search_under_faults_loses_doubles_and_changes_nothing(database, workers) -> None:
    plan = Plan(trials=8, kills=4, pauses=1, outages=1, lease_s=4.0, seed=3)
    # Not pytest's folder: under root PostgreSQL runs as another user, who may not enter it.
    with tempfile.TemporaryDirectory(prefix="hpo-chaos-") as folder:
        Path(folder).chmod(0o755)
        result = run(plan, database, workers=workers, folder=Path(folder), say=print)
        broken = [row for row in result.rows if row.fails]
        assert not broken, result.details
