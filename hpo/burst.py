"""A process that trains in bursts, to measure what a card can do: `python -m hpo.burst`.

Its parent (hpo/bursts.py) writes and reads lines of JSON. The first is an order. With `largest` two
steps and an evaluation of the longest texts are made, the most memory in use is told, and that is
all. Without, some steps are made to be warm, which is told. Then each line has it train for so
long, and tell how many steps it made in how many seconds; the end of its input ends it.
"""

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from config.load import from_mapping
from config.schema import Configuration
from trainer.data import Example, locate_data
from trainer.device_memory import most_used
from trainer.evaluation import Evaluation, Step
from trainer.fit import fit
from trainer.session import TrainingSession

WARM_UP_STEPS = 3
STEPS_FOR_MEMORY = 2  # the second step finds the optimizer's state in memory


class _Enough(BaseException):
    """What was to be found out is found out."""


class _Over(BaseException):
    """The training is at its last step: another one begins."""


class Bursts:
    """Counts steps, and pauses behind each burst until the parent says how long the next is."""

    def __init__(self) -> None:
        self._steps = -WARM_UP_STEPS
        self._began = self._until = 0.0

    def on_step(self, step: Step) -> None:
        """Count one step; pause where the burst is over, and start over before an evaluation."""
        self._steps += 1
        now = time.monotonic()
        if self._steps >= 0 and now >= self._until:
            _tell({"steps": self._steps, "seconds": now - self._began})
            self._wait()
        if step.step == step.total_steps:
            raise _Over

    def _wait(self) -> None:
        line = sys.stdin.readline()
        if not line:
            raise _Enough
        go = json.loads(line)
        torch.set_num_threads(go["threads"])
        self._steps, self._began = 0, time.monotonic()
        self._until = self._began + go["seconds"]


def run_in_bursts(config: Configuration, session: TrainingSession, folder: Path) -> None:
    """Train over and over, without evaluations, until the parent has had enough."""
    bursts = Bursts()
    while True:
        try:
            fit(config, _never, session=session, output_dir=folder, on_step=bursts.on_step)
        except _Over:
            pass
        except _Enough:
            return


def need(config: Configuration, session: TrainingSession, folder: Path) -> None:
    """Train and evaluate on the longest texts, and tell the most memory that there was in use."""
    training = config.training
    rows = STEPS_FOR_MEMORY * training.per_device_train_batch_size
    session.train = longest(session.train, rows * training.gradient_accumulation_steps)
    session.dev = longest(session.dev, training.per_device_eval_batch_size)
    try:
        fit(config, _enough, session=session, output_dir=folder)
    except _Enough:
        _tell(asdict(most_used()))


def _never(_: Evaluation) -> bool:
    raise _Over


def _enough(_: Evaluation) -> bool:
    raise _Enough


def longest(examples: list[Example], count: int) -> list[Example]:
    """The longest dialogues."""
    return sorted(examples, key=lambda example: -len(example.dialogue))[:count]


def _tell(found: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Do what the first line of the input orders."""
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    config = from_mapping(order["config"])
    training = config.training.model_copy(
        update={"num_train_epochs": 1, "evaluations_per_epoch": 1}
    )
    config = config.model_copy(update={"training": training})
    files = locate_data(config.general.data_path)
    with tempfile.TemporaryDirectory(prefix="hpo-burst-") as folder:
        if order["largest"]:
            need(config, TrainingSession(files, Path(folder) / "cache"), Path(folder) / "model")
        else:
            session = TrainingSession(files, Path(config.general.output_dir) / "cache")
            run_in_bursts(config, session, Path(folder) / "model")


if __name__ == "__main__":
    main()
