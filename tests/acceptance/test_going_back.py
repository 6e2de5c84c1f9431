"""A PostgreSQL that comes back as it was some trials ago, under workers that live."""

import optuna
from optuna.trial import TrialState
from own_server import own_server

from storage.connect import connect
from storage.leases import Leases
from storage.url import StorageURL

N_TRIALS = 10
BEFORE, LOST = 2, 3  # trials that have ended: at the copy, and after it
SAID = "the database has lost what was written to it last"


def test_workers_go_on_from_what_the_database_has(sqlite_machine, until) -> None:
    machine = sqlite_machine
    with own_server() as server:
        machine.storage = server.url.sqlalchemy.replace("+psycopg", "")
        trials = f"optuna.n_trials={N_TRIALS}"
        machine.call("create", "--study", "s", "--config", "search.yaml", "-o", trials)
        workers = [machine.start("worker", "--study", "s", HPO_LEASE_S="20") for _ in range(2)]

        def ended() -> int:
            return sum(trial.state.is_finished() for trial in machine.trials())

        until(lambda: ended() >= BEFORE)
        copy = server.copy()
        until(lambda: ended() >= BEFORE + LOST)
        server.go_back_to(copy)
        printed = [machine.finish(worker) for worker in workers]
        assert any(SAID in lines for lines in printed)
        assert all("Traceback" not in lines for lines in printed)

        whole = machine.trials()
        assert [trial.number for trial in whole] == list(range(N_TRIALS))
        assert {trial.state for trial in whole} <= {TrialState.COMPLETE, TrialState.PRUNED}
        assert {len(trial.params) for trial in whole} == {2}
        for trial in whole:
            assert trial.value == max(trial.intermediate_values.values())
        with connect(StorageURL.parse(machine.storage)) as database:
            study = optuna.load_study(study_name="s", storage=database.storage)
            rows = Leases(database, study._study_id).rows()
        assert [(row.number, row.done) for row in rows] == [(n, True) for n in range(N_TRIALS)]
