"""The cell of hpo: `trainer.fit` with its resume states, as a worker runs it."""

import shutil

import trainer.assess
from benchmarks.trial.task import Task
from benchmarks.trial.trained import Clock, Places, Trained
from trainer.batches import Padding
from trainer.fit import fit
from trainer.judge import Judge
from trainer.loop import Loop
from trainer.resume_store import open_resume_store
from trainer.rouge import RougeScorer
from trainer.watch import Watch

PLACES: Places = {
    # where the loss is read a card's work is waited for
    "training steps": ((Loop, "training_step"), (Watch, "on_pre_optimizer_step")),
    "batches": ((Padding, "__call__"),),
    "loss of the dev set": ((trainer.assess, "mean_loss"),),
    "generation": ((trainer.assess, "generate"),),
    "ROUGE": ((trainer.assess, "decode_all"), (RougeScorer, "score")),
    "kept model": ((Judge, "_kept"),),
    "resume state": ((Judge, "save"),),
}


def train(task: Task) -> Trained:
    """Train once, from the initial weights, in a process that is warm."""
    folder = task.folder / "hpo"
    shutil.rmtree(folder, ignore_errors=True)
    session, clock = task.session, Clock()
    with clock.running(PLACES):
        result = fit(
            task.config,
            lambda _: True,
            session=session,
            output_dir=folder,
            resume=open_resume_store(folder, "trial"),
        )
    values = tuple(each.scores.value(task.config.metric.name) for each in result.evaluations)
    return Trained(clock.seconds, clock.cpu_seconds, values, clock.parts)
