"""How a training goes on where an earlier attempt ended: what is kept for that, and brought back.

Saved are the snapshot between two steps, the evaluations so far, and which models are kept, with
the models themselves. A state that cannot be saved costs a warning, never the training.
"""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from typing_extensions import override  # Python 3.11's typing has none

from config.counting import counted
from config.schema import Configuration
from trainer.checkpoint import Checkpoints, KeptModel
from trainer.device_errors import is_device_lost
from trainer.errors import first_line
from trainer.evaluation import Evaluation
from trainer.history import from_values, to_values
from trainer.resume_attempt import Attempt, Found
from trainer.snapshot import Snapshot

log = logging.getLogger(__name__)

DETERMINING = {"model", "preprocessing", "augmentation", "training", "generation", "metric"}
# How an epoch is ordered and the loss is summed: a training begun otherwise starts anew. Else it
# could take examples of its epoch twice, and its score would be nobody's to reach again.
TRAINING_VERSION = 4
# Left out where they are off, so that a training begun before there were such fields goes on.
ADDED_LATER = ("rdrop_alpha", "layerwise_lr_decay", "micro_batches")


@dataclass(frozen=True)
class Saved:
    """Where an earlier attempt was; `seconds` is what it had taken until then."""

    snapshot: Snapshot
    evaluations: tuple[Evaluation, ...]
    seconds: float


class Resume(ABC):
    """Saves where a training is, and finds where it was.

    `earlier`: what the attempts before ran on, each once, where it is not what this one does.
    """

    earlier: tuple[str, ...] = ()

    @abstractmethod
    def restore(self, sound: Callable[[Snapshot], None]) -> Saved | None:
        """Return the last usable state, its kept models back in the output folder; None: none.

        `sound` takes what it needs of the snapshot, and raises ValueError where it does not fit. A
        device that is lost meanwhile is no fault of the state, and passes through.
        """

    @abstractmethod
    def save(
        self, snapshot: Snapshot, evaluations: tuple[Evaluation, ...], *, seconds: float
    ) -> None:
        """Save the training between two steps, after these evaluations."""


class NoResume(Resume):
    """Of a training that nobody will continue."""

    @override
    def restore(self, sound: Callable[[Snapshot], None]) -> Saved | None:
        return None

    @override
    def save(
        self, snapshot: Snapshot, evaluations: tuple[Evaluation, ...], *, seconds: float
    ) -> None:
        pass


class ResumeStates(Resume):
    """States of one attempt and those before it, with the models in `checkpoints`.

    `runs_on`: what this attempt runs on, in words, as far as scores depend on it.
    """

    def __init__(self, attempt: Attempt, checkpoints: Checkpoints, *, runs_on: str = "") -> None:
        self.attempt = attempt
        self.checkpoints = checkpoints
        self.runs_on = runs_on
        self._models: dict[int, str] = {}  # the entry of each kept model, by its evaluation
        self._last: tuple[int, int] | None = None
        self._failing = False

    @override
    def restore(self, sound: Callable[[Snapshot], None]) -> Saved | None:
        for found in self.attempt.states():
            try:
                return self._taken(found, sound)
            except Exception as error:  # a file of another form, a full disk, the storage's library
                if self.attempt.guard.refused(error) or is_device_lost(error):
                    raise
                self.attempt.reject(found.entry, first_line(error))
        return None

    @override
    def save(
        self, snapshot: Snapshot, evaluations: tuple[Evaluation, ...], *, seconds: float
    ) -> None:
        place = (snapshot.position.step, len(evaluations))
        if place == self._last:
            return
        try:
            self._put(snapshot, evaluations, seconds)
        except Exception as error:  # the disk is full, or whatever the storage's library raises
            if self.attempt.guard.refused(error):
                raise
            self._failed(place, error)
            return
        self._last = place
        if self._failing:
            self._failing = False
            log.warning("the resume state is saved again, at step %d", place[0])

    def _taken(self, found: Found, sound: Callable[[Snapshot], None]) -> Saved:
        values = found.values
        snapshot = Snapshot.of(values["snapshot"], found.tensors)
        kept = values["kept"]
        self.checkpoints.take_over(
            (each["evaluation"], each["value"], partial(self.attempt.fetch_model, each["entry"]))
            for each in kept
        )
        sound(snapshot)
        self._models = {each["evaluation"]: each["entry"] for each in kept}
        evaluations = from_values(values["evaluations"], self._folders())
        self.attempt.adopt(found.entry, self._models.values())
        self._last = (snapshot.position.step, len(evaluations))
        log.info(
            "going on from step %d, after %s, as saved in %s",
            snapshot.position.step,
            counted(len(evaluations), "evaluation"),
            found.entry,
        )
        self._compare(values.get("ran_on", ()))
        return Saved(snapshot, evaluations, values["seconds"])

    def _put(self, snapshot: Snapshot, evaluations: tuple[Evaluation, ...], seconds: float) -> None:
        kept = self.checkpoints.kept
        self._models = {model.evaluation: self._entry(model) for model in kept}
        values = {
            "snapshot": snapshot.values(),
            "evaluations": to_values(evaluations, {m.folder: m.evaluation for m in kept}),
            "kept": [
                {"evaluation": m.evaluation, "value": m.value, "entry": self._models[m.evaluation]}
                for m in kept
            ],
            "seconds": seconds,
            "ran_on": [*self.earlier, self.runs_on],
        }
        self.attempt.put_state(
            snapshot.position.step,
            len(evaluations),
            values=values,
            tensors=snapshot.tensors(),
            models=self._models.values(),
        )

    def _compare(self, ran_on: Sequence[str]) -> None:
        """Take note of what the attempts before ran on, and say so where this one differs."""
        self.earlier = tuple(place for place in ran_on if place != self.runs_on)
        if self.earlier:
            log.warning(
                "begun on %s, the training goes on on %s: no other training will reach its score to"
                " the last digit",
                " and ".join(self.earlier),
                self.runs_on,
            )

    def _entry(self, model: KeptModel) -> str:
        """Return the entry of a kept model, put there now if it is not yet."""
        known = self._models.get(model.evaluation)
        return known or self.attempt.put_model(model.evaluation, model.folder)

    def _folders(self) -> dict[int, Path]:
        return {model.evaluation: model.folder for model in self.checkpoints.kept}

    def _failed(self, place: tuple[int, int], error: Exception) -> None:
        """Say it once, not at every evaluation while a disk is full."""
        level = logging.DEBUG if self._failing else logging.WARNING
        log.log(
            level,
            "the resume state of step %d cannot be saved (%s): the training goes on, and would be "
            "taken up where the last one was saved; free some space",
            place[0],
            first_line(error),
        )
        self._failing = True


def training_fingerprint(config: Configuration, data: str) -> str:
    """Return a SHA-256 (hex) over all settings that determine a training, and its data's own.

    Where the files lie and how many threads there are is left out: another machine may go on.
    """
    settings: dict[str, Any] = config.model_dump(mode="json", include=DETERMINING)
    off: dict[str, Any] = Configuration().model_dump(mode="json", include=DETERMINING)
    if settings["augmentation"] == off["augmentation"]:
        del settings["augmentation"]
    for field in ADDED_LATER:
        if settings["training"][field] == off["training"][field]:
            del settings["training"][field]
    content = [settings, config.general.seed, data, TRAINING_VERSION]
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
