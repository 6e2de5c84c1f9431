"""How long the whole budget will take."""

from collections.abc import Mapping
from typing import Any

from config.counting import counted
from config.entries import CategoricalEntry
from config.schema import Configuration
from config.space_size import EPOCHS
from hpo.budget import budget
from hpo.check.finding import Finding
from hpo.check.stored import StoredStudy
from hpo.check.subject import Subject
from hpo.check.trying import tried, why_not
from hpo.durations import duration, measured

NAME = "time"


def look_at_time(subject: Subject) -> Finding:
    """Tell it from the study's finished trials, else from what is tried now, else not at all."""
    chosen = subject.chosen.get()
    study = chosen.study
    if study is not None and study.status.trained:
        return _from_trials(study)
    if not subject.asked.trying:
        return Finding(NAME, "warning", "not measured", "--try measures an epoch")
    reason = why_not(subject)
    if reason is not None:
        return Finding(NAME, "warning", f"not measured: {reason}", "--try when it is free")
    subject.texts.get()
    subject.tokenizer.get()
    return from_epoch(chosen.config, tried(chosen.config, "time"))


def from_epoch(config: Configuration, found: Mapping[str, Any]) -> Finding:
    """Reckon from the seconds of an epoch's steps and of an evaluation on dev."""
    evaluations = config.training.evaluations_per_epoch
    epoch = found["steps_s"] + evaluations * found["evaluation_s"]
    trials, epochs = budget(config), mean_epochs(config)
    whole = trials * epochs * epoch
    text = (
        f"about {duration(whole)} for {counted(trials, 'trial')} of {counted(epochs, 'epoch')} with"
        f" one worker, and a part of it with several; pruning shortens it. Measured: an epoch takes"
        f" {measured(epoch)} ({measured(found['steps_s'])} of steps,"
        f" {measured(found['evaluation_s'])} an evaluation, told from {found['sample']} of"
        f" {counted(found['dev'], 'dev dialogue')} and an untrained model)"
    )
    limit = config.optuna.timeout
    if limit is not None and whole > limit:
        text += f"; optuna.timeout {duration(limit)} ends it before"
        return Finding(NAME, "warning", text, "start several workers, or lower optuna.n_trials")
    return Finding(NAME, "ok", text)


def mean_epochs(config: Configuration) -> float:
    """The epochs of a trial in the middle of the search space."""
    entry = config.optuna.search_space.get(EPOCHS)
    if entry is None:
        return float(config.training.num_train_epochs)
    if isinstance(entry, CategoricalEntry):
        choices = [choice for choice in entry.choices if isinstance(choice, int)]
        return sum(choices) / len(choices)
    return (entry.low + entry.high) / 2


def _from_trials(study: StoredStudy) -> Finding:
    status = study.status
    if status.stopped is not None:
        return Finding(NAME, "ok", f"no new trial begins: {status.stopped}")
    left = status.left + status.ours_running
    if not left or status.time_left_s is None:
        spent = status.taken >= status.budget
        text = (
            f"the budget of {counted(status.budget, 'trial')} is spent"
            if spent
            else "no trial is queued"
        )
        return Finding(NAME, "ok", text)
    alive = sum(not worker.lost for worker in status.workers) or 1
    return Finding(
        NAME,
        "ok",
        f"about {duration(status.time_left_s)} for the {counted(left, 'trial')} left with"
        f" {counted(alive, 'worker')}, by the mean of the study's"
        f" {counted(status.trained, 'finished trial')}"
        f" ({status.trained_pruned} of them pruned, which shortens it)",
    )
