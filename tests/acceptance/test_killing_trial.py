"""A trial that kills its worker every time: real processes and databases, a child without torch."""

import os
import sys
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from hpo.assignment import VARIABLE
from hpo.supervisor import Supervisor
from storage.connect import connect
from storage.url import StorageURL

CHILD = f"""\
#!{sys.executable}
import json, os, signal
import optuna
given = json.loads(os.environ[{VARIABLE!r}])
from hpo.predecessors import bury
from storage.connect import connect
from storage.leases import Lease, Leases
from storage.url import StorageURL
with connect(StorageURL.parse(os.environ["HPO_STORAGE"])) as database:
    bury(database, "s", given["dead"])
    os.write(given["notices"], b'{{"kind": "ready", "study": "s", "max_attempts": 3}}\\n')
    os.read(given["control"], 1)
    study = optuna.load_study(study_name="s", storage=database.storage)
    leases = Leases(database, study._study_id)
    while isinstance(lease := leases.claim(given["worker"], n_trials=2), Lease):
        trial = optuna.trial.Trial(study, leases.start(lease).trial_id)
        if trial.number == 0:
            os.kill(os.getpid(), signal.SIGSEGV)
        study.tell(trial, 0.5)
        leases.done(lease)
"""


def test_a_trial_that_kills_its_workers_is_failed_and_the_search_goes_on(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "child"
    script.write_text(CHILD, encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    with connect(StorageURL.parse(database_url)) as database:
        study = optuna.create_study(study_name="s", storage=database.storage)
        said: list[str] = []
        environ = os.environ | {"HPO_STORAGE": database_url}
        assert Supervisor([], ["--study", "s"], environ, said.append).run() == 0
        killer, other = study.get_trials()
    assert said == ["the working process died (SIGSEGV); another one goes on"] * 3
    assert killer.state == TrialState.FAIL
    assert "worker" in killer.user_attrs["hpo:error"]
    assert other.state == TrialState.COMPLETE
