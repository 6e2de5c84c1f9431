"""A process that trains a little to measure it: `python -m hpo.check.rehearsal`.

Its parent (hpo/check/trying.py) writes one line of JSON, and reads one. It gets no database and no
study, only a configuration, and stands back for every other process of the machine.
"""

import json
import os
import random
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from config.load import from_mapping
from config.schema import Configuration
from hpo.burst import STEPS_FOR_MEMORY, longest
from trainer.data import DataFiles, locate_data
from trainer.device_memory import most_used
from trainer.evaluation import Evaluation, Step
from trainer.fit import fit
from trainer.micro_batch import InProcess
from trainer.plan import plan_of
from trainer.session import TrainingSession

WARM_UP_STEPS = 3
ENOUGH_S = 30.0  # of steps; an epoch that is shorter is trained whole
SAMPLE = 64  # dev dialogues that are summarized; all where there are fewer
COLD = 1  # evaluations first, which load Kiwi and part the references; a worker does it once
NICENESS = 10


class _Enough(BaseException):
    """What was to be found out is found out."""


class _Sizes(InProcess):
    """The smallest batch that a training came down to."""

    def __init__(self) -> None:
        super().__init__()
        self.halved: list[int] = []

    def found(self, key: str, size: int) -> None:
        """Remember a size that is below the one asked for."""
        self.halved.append(size)
        super().found(key, size)


class _Watch:
    """Seconds of optimizer steps once the first ones are over, and of the last evaluation.

    The training ends when the steps have been measured, or behind so many evaluations.
    """

    def __init__(self, *, evaluations: int) -> None:
        self._left = evaluations  # 0: the steps are what is measured
        self._began = self._last = time.monotonic()
        self._counted = 0
        self.evaluation_s = 0.0

    @property
    def step_s(self) -> float:
        """Mean seconds of a step."""
        return (self._last - self._began) / self._counted

    def on_step(self, step: Step) -> None:
        """Count a step; the first ones make the process warm."""
        self._last = time.monotonic()
        if step.step <= min(WARM_UP_STEPS, step.total_steps - 1):
            self._began = self._last
            return
        self._counted += 1
        over = step.step == step.total_steps or self._last - self._began >= ENOUGH_S
        if not self._left and over:
            raise _Enough

    def on_evaluation(self, _: Evaluation) -> bool:
        """Take the time since the last step."""
        self.evaluation_s = time.monotonic() - self._last
        self._left -= 1
        if self._left:
            return True
        raise _Enough


def measure_memory(config: Configuration, files: DataFiles, folder: Path) -> dict[str, object]:
    """Two steps and an evaluation of the longest texts: the most memory, and what was halved."""
    training, sizes = config.training, _Sizes()
    session = TrainingSession(files, folder / "cache")
    rows = STEPS_FOR_MEMORY * training.per_device_train_batch_size
    session.train = longest(session.train, rows * training.gradient_accumulation_steps)
    session.dev = longest(session.dev, training.per_device_eval_batch_size)
    watch = _Watch(evaluations=1)
    _until_enough(config, session, folder, watch, sizes)
    return {**asdict(most_used()), "at_once": min(sizes.halved, default=None)}


def measure_time(config: Configuration, files: DataFiles, folder: Path) -> dict[str, object]:
    """Steps for a while, and an evaluation of a sample of dev, told for a whole epoch."""
    session = TrainingSession(files, folder / "cache")
    steps = _Watch(evaluations=0)
    _until_enough(config, session, folder, steps)
    few = TrainingSession(files, folder / "cache")
    few.train = session.train[: config.training.per_device_train_batch_size]
    sample = min(SAMPLE, len(session.dev))
    few.dev = random.Random(config.general.seed).sample(session.dev, sample)
    evaluation = _Watch(evaluations=COLD + 1)
    _until_enough(_with_epochs(config, COLD + 1), few, folder, evaluation)
    return {
        "steps_s": steps.step_s * plan_of(config, len(session.train_split(config))).steps_per_epoch,
        "evaluation_s": evaluation.evaluation_s * len(session.dev) / sample,
        "sample": sample,
        "dev": len(session.dev),
    }


def _until_enough(
    config: Configuration,
    session: TrainingSession,
    folder: Path,
    watch: _Watch,
    sizes: InProcess | None = None,
) -> None:
    with suppress(_Enough):
        fit(
            config,
            watch.on_evaluation,
            session=session,
            output_dir=folder / "model",
            on_step=watch.on_step,
            micro_batches=sizes,
        )


def _with_epochs(config: Configuration, epochs: int) -> Configuration:
    """The configuration with so many epochs and one evaluation in each."""
    sizes = {"num_train_epochs": epochs, "evaluations_per_epoch": 1}
    return config.model_copy(update={"training": config.training.model_copy(update=sizes)})


def main() -> None:
    """Do what the line of the input orders."""
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    os.nice(NICENESS)
    config = from_mapping(order["config"])
    config = _with_epochs(config, 1)
    files = locate_data(config.general.data_path)
    measure = {"memory": measure_memory, "time": measure_time}[order["measure"]]
    with tempfile.TemporaryDirectory(prefix="hpo-check-") as folder:
        found = measure(config, files, Path(folder))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
