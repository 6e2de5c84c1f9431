"""Our worker in this process, with its database, W&B's offline runs, and kept models.

Run as `python -m benchmarks.turnover.ours MATERIAL TRIALS [memory]`; prints JSON: the turnovers,
and with `memory`, which takes time itself, the resident set after each trial, and how much of it
the allocator keeps free, in bytes.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from optuna.trial import TrialState
from rich.console import Console

from benchmarks.turnover.marks import Marks, turnovers
from benchmarks.turnover.material import Material
from hpo import study as studies
from hpo.assignment import Assignment
from hpo.launch import Machine, work
from hpo.opening import open_database
from hpo.parent import Parent, WorkingProcess
from hpo.stop import StopRequest
from hpo.trial_run import TrialRun
from hpo.worker import Limits, Worker
from storage.connect import Database
from trainer.data import fingerprint, locate_data
from trainer.evaluation import Evaluation
from trainer.malloc import free_bytes
from trainer.memory import resident_bytes


def main(folder: Path, trials: int, *asked: str) -> None:
    """Run a study of that many trials."""
    torch.set_num_threads(1)
    marks, memory = Marks(), list[tuple[int, int]]()
    watched = _memory(memory) if asked else nullcontext()
    with TemporaryDirectory() as output, marks.noting(), _ends(marks), watched:
        _search(Material.read(folder), Path(output), trials)
    found = [asdict(each) for each in turnovers(marks.noted)]
    print(json.dumps({"turnovers": found, "memory": memory}), flush=True)


def _search(material: Material, output: Path, trials: int) -> None:
    config = material.configuration(output, trials=trials)
    who = Assignment(worker="w", host="h", pid=1, control=-1, notices=-1)
    with open_database(f"sqlite:///{output}/hpo.db", create=True) as database:
        data = fingerprint(locate_data(config.general.data_path))
        studies.create(database, "turnover", config, data_fingerprint=data)
        with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
            work(
                database,
                "turnover",
                machine=Machine(output=str(output)),
                limits=Limits(),
                console=Console(file=nowhere),
                process=WorkingProcess(who, Parent(), StopRequest()),
            )
        _refuse_failures(database, "turnover")


def _refuse_failures(database: Database, study: str) -> None:
    """Raise RuntimeError where a trial failed: its turnover is no training's."""
    number = database.storage.get_study_id_from_name(study)
    failed = database.storage.get_all_trials(number, states=(TrialState.FAIL,))
    if failed:
        raise RuntimeError(f"{len(failed)} trials failed: {failed[0].user_attrs}")


@contextmanager
def _ends(marks: Marks) -> Iterator[None]:
    """Note when each evaluation has been told to the study."""
    original = TrialRun.on_evaluation

    def on_evaluation(self: TrialRun, evaluation: Evaluation) -> bool:
        goes_on = original(self, evaluation)
        marks.note("end")
        return goes_on

    TrialRun.on_evaluation = on_evaluation  # type: ignore[method-assign]
    try:
        yield
    finally:
        TrialRun.on_evaluation = original  # type: ignore[method-assign]


@contextmanager
def _memory(found: list[tuple[int, int]]) -> Iterator[None]:
    """Note the resident set, and what is free of it, after each trial."""
    original = Worker._replacement  # noqa: SLF001 - asked before each trial

    def replacement(self: Worker) -> object:
        if self.trials:
            found.append((resident_bytes(), free_bytes()))
        return original(self)

    Worker._replacement = replacement  # type: ignore[method-assign,assignment]  # noqa: SLF001
    try:
        yield
    finally:
        Worker._replacement = original  # type: ignore[method-assign]  # noqa: SLF001


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
