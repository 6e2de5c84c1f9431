"""A training in a process of its own that is killed for real, at a chosen moment."""

import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from config.load import load
from trainer.data import locate_data
from trainer.evaluation import Evaluation, Step
from trainer.fit import fit
from trainer.history import to_values
from trainer.resume_store import open_resume_store
from trainer.session import TrainingSession


@dataclass(frozen=True)
class Moment:
    """When the process kills itself; 0: never for that reason.

    `step`: behind so many steps. `poll`: before so many batches of evaluations. `touched`: at the
    so manieth opening, renaming or removing of a file under the store or the output folder.
    """

    step: int = 0
    poll: int = 0
    touched: int = 0


class Victim:
    """Counts, and kills."""

    def __init__(self, moment: Moment, watched: Path) -> None:
        self.moment = moment
        self.watched = str(watched)
        self.steps: list[int] = []
        self.fresh: list[int] = []
        self.polls = 0
        self.touches = 0
        sys.addaudithook(self.on_audit)

    def on_step(self, step: Step) -> None:
        self.steps.append(step.step)
        if len(self.steps) == self.moment.step:
            kill()

    def on_poll(self) -> None:
        self.polls += 1
        if self.polls == self.moment.poll:
            kill()

    def on_evaluation(self, evaluation: Evaluation) -> bool:
        if not evaluation.replayed:
            self.fresh.append(evaluation.step)
        return True

    def on_audit(self, event: str, args: tuple[object, ...]) -> None:
        changes = event in {"os.rename", "os.remove", "os.rmdir", "os.link", "os.mkdir"}
        if not (changes or (event == "open" and str(args[1]).startswith("w"))):
            return
        if str(args[0]).startswith(self.watched):
            self.touches += 1
            if self.touches == self.moment.touched:
                kill()


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def train(settings: Path, folder: Path, moment: Moment) -> None:
    """Train in `folder`, going on where it is possible; leaves result.json at the end."""
    config = load(str(settings))
    victim = Victim(moment, folder / "watched")
    result = fit(
        config,
        victim.on_evaluation,
        session=TrainingSession(locate_data(config.general.data_path), folder / "cache"),
        output_dir=folder / "watched" / "out",
        on_step=victim.on_step,
        on_poll=victim.on_poll,
        resume=open_resume_store(folder / "watched" / "store", "s/trial_00001"),
    )
    report = {
        "evaluations": to_values(result.evaluations, {}),
        "ended": result.ended,
        "model": str(result.checkpoint),
        "steps": victim.steps,
        "touches": victim.touches,
    }
    (folder / "result.json").write_text(json.dumps(report), encoding="utf-8")
