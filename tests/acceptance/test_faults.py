"""Trials whose settings do not fit or do not train, through real workers."""

import json
import os
import subprocess
import sys
from pathlib import Path

from optuna.trial import TrialState

from hpo.assignment import Assignment
from hpo.micro_batches import PREFIX
from storage.connect import connect
from storage.url import StorageURL

RUN_TIMEOUT_S = 300
LITTLE_MEMORY = Path(__file__).parent / "little_memory"
BATCH, LENGTH = "training.per_device_train_batch_size", "model.max_encoder_length"
# A dialogue of 32 tokens fits four times, one of 160 not once.
SPACE = (
    *("-o", "optuna.search_space={%s: {choices: [8, 16]}, %s: {choices: [32, 160]}}"),
    *("-o", "optuna.sampler=grid"),
    *("-o", "optuna.pruner=none"),
    *("-o", "optuna.n_trials=4"),
    *("-o", "training.num_train_epochs=2"),
)


def test_workers_cut_batches_that_do_not_fit_and_end_what_never_fits_as_infeasible(
    postgres_machine,
) -> None:
    machine = postgres_machine
    space = [word % (BATCH, LENGTH) if "%s" in word else word for word in SPACE]
    machine.call("create", "--study", "s", "--config", "search.yaml", *space)
    path = os.pathsep.join([str(LITTLE_MEMORY), os.environ.get("PYTHONPATH", "")])
    card = {"PYTHONPATH": path, "LITTLE_MEMORY": "130"}
    workers = [machine.start("worker", "--study", "s", **card) for _ in range(2)]
    printed = [machine.finish(worker) for worker in workers]

    trials = {(t.params[BATCH], t.params[LENGTH]): t for t in machine.trials()}
    assert len(trials) == len(machine.trials()) == 4
    for batch in (8, 16):
        fits, never = trials[batch, 32], trials[batch, 160]
        assert fits.state is TrialState.COMPLETE
        assert sorted(fits.intermediate_values) == [1, 2]
        assert never.state is TrialState.PRUNED
        assert never.constraints == {"memory": 1.0}
        assert f"{BATCH} {batch} does not fit in memory" in never.user_attrs["hpo:infeasible"]
    status = json.loads(machine.call("status", "--study", "s", "--json"))
    counts = status["trials"]
    assert (counts["complete"], counts["infeasible"], counts["pruned"]) == (2, 2, 0)
    assert sum(" infeasible: " in line for p in printed for line in p.splitlines()) == 2
    assert status["best"]["params"][LENGTH] == 32
    # Found once for each length and batch, for training and for evaluation: not for each trial.
    assert sorted(sizes_found(machine).values()) == [1, 1, 4, 4, 4]


def test_a_worker_whose_database_file_is_taken_away_says_so_and_ends(sqlite_machine, until) -> None:
    machine = sqlite_machine
    machine.call("create", "--study", "s", "--config", "search.yaml", "-o", "optuna.n_trials=99")
    worker = machine.start("worker", "--study", "s")
    watching = machine.start("status", "--watch")
    until(lambda: machine.reports() > 0)
    file = machine.folder / "hpo.db"
    file.unlink()
    printed = machine.finish(worker, status=1)
    assert "Traceback" not in printed
    assert printed.splitlines()[-1].startswith(f"Error: {file} was deleted or moved while it was")
    assert "hpo.db was deleted or moved" in machine.finish(watching, status=1)
    assert not file.exists()


def test_a_process_that_follows_another_begins_no_database_anew(tmp_path: Path) -> None:
    control, notices = os.pipe(), os.pipe()
    follower = Assignment("w", "h", os.getpid(), control[0], notices[1], trials=1)
    ended = subprocess.run(
        [sys.executable, "-m", "hpo", "worker", "--study", "demo"],
        cwd=tmp_path,
        env=os.environ | follower.as_environment(),
        pass_fds=(control[0], notices[1]),
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_TIMEOUT_S,
    )
    for end in (*control, *notices):
        os.close(end)
    assert ended.returncode == 1
    assert "hpo.db does not exist" in ended.stderr
    assert not (tmp_path / "hpo.db").exists()


def sizes_found(machine) -> dict[str, int]:
    """The smallest size that is remembered for each need of memory."""
    with connect(StorageURL.parse(machine.storage)) as database:
        study_id = database.storage.get_study_id_from_name("s")
        attributes = database.storage.get_study_system_attrs(study_id)
    sizes: dict[str, int] = {}
    for name in attributes:
        if name.startswith(PREFIX):
            key, _, size = name.rpartition(":")
            sizes[key] = min(int(size), sizes.get(key, int(size)))
    return sizes
