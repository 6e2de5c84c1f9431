"""One attempt at a training, and what it and those before it have left to go on from.

An entry is named after its attempt: a generation, one above all there were when the attempt began,
and a token of its own. So no two attempts write to one name; of two attempts the later is believed;
and one that was taken over removes nothing that its successor may need.
"""

import json
import logging
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trainer.errors import first_line
from trainer.resume_entry import (
    Manifest,
    Sealer,
    Unusable,
    checked_tensors,
    fetch_checked,
    read_checked,
    read_manifest,
)
from trainer.resume_place import Place
from trainer.tensor_stream import Tensors, write_tensors
from trainer.write_guard import WriteGuard

STATES_KEPT = 2
NAME = re.compile(r"(state|model)-(?P<generation>\d{4,})-\d{8,}-\d{6,}-[0-9a-f]{6}")
TENSORS, VALUES = "tensors.safetensors", "state.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """A state that is whole: `values` are JSON's, `tensors` are on the CPU."""

    entry: str
    values: Mapping[str, Any]
    tensors: Mapping[str, torch.Tensor]


class Attempt:
    """Finds states, newest first, and writes new ones; keeps the last two.

    `guard` is called before anything is written or removed, and may raise to prevent it.
    """

    def __init__(self, place: Place, fingerprint: str, *, guard: WriteGuard) -> None:
        self.place = place
        self.fingerprint = fingerprint
        self.guard = guard
        self.token = secrets.token_hex(3)
        self._generation: int | None = None  # None while the place can't be reached
        self._useless: set[str] = set()
        self._models: dict[str, frozenset[str]] = {}  # of the states that are known

    def states(self) -> Iterator[Found]:
        """Yield the usable states, newest first; each that is not is told in the log."""
        try:
            entries = self.place.entries()
        except Exception as error:  # noqa: BLE001  # each storage's library has its own
            log.warning(
                "the resume states cannot be reached (%s); training from the start",
                first_line(error),
            )
            return
        self._generation = _last_generation(entries) + 1
        states = _newest_first("state", entries)
        for entry in states:
            try:
                yield self._read(entry)
            except Unusable as error:
                self.reject(entry, str(error))
        if states:
            log.warning("no resume state can be used; training from the start")

    def reject(self, entry: str, why: str) -> None:
        """Take note that a state is of no use, and say so."""
        self._useless.add(entry)
        log.warning("the resume state %s cannot be used: %s; looking for an older one", entry, why)

    def adopt(self, entry: str, models: Collection[str]) -> None:
        """Take note that the training goes on from this state, which needs these models."""
        self._models[entry] = frozenset(models)

    def fetch_model(self, entry: str, to: Path) -> None:
        """Put a kept model's files into the folder `to`; raises Unusable."""
        try:
            fetch_checked(self.place, entry, read_manifest(self.place, entry), to)
        except Unusable:
            raise
        except Exception as error:
            raise Unusable(f"the model {entry} cannot be read: {first_line(error)}") from error

    def put_model(self, number: int, folder: Path) -> str:
        """Keep the model of evaluation `number`, whose files will not change; return its entry."""
        entry = self._name("model", number, 0)
        self.guard()
        with self.place.writing(entry) as writer:
            sealer = Sealer(writer)
            for path in sorted(folder.iterdir()):
                sealer.take(path)
            sealer.close(self.fingerprint)
            self.guard()
        return entry

    def put_state(
        self,
        step: int,
        evaluations: int,
        *,
        values: Mapping[str, Any],
        tensors: Tensors,
        models: Collection[str],
    ) -> None:
        """Keep a state that needs these model entries, and remove what is no longer needed."""
        entry = self._name("state", step, evaluations)
        self.guard()
        with self.place.writing(entry) as writer:
            sealer = Sealer(writer)
            with sealer.file(TENSORS) as output:
                write_tensors(tensors, output)
            sealer.text(VALUES, json.dumps(values))
            sealer.close(self.fingerprint)
            self.guard()
        self.adopt(entry, models)
        self._prune()

    def _read(self, entry: str) -> Found:
        try:
            manifest = read_manifest(self.place, entry)
            self._check(manifest)
            values = json.loads(read_checked(self.place, entry, manifest, VALUES))
            tensors = checked_tensors(self.place, entry, manifest, TENSORS)
        except Unusable:
            raise
        except Exception as error:  # as above; and what is no JSON or no safetensors
            raise Unusable(f"it cannot be read ({first_line(error)})") from error
        return Found(entry, values, tensors)

    def _check(self, manifest: Manifest) -> None:
        if manifest.fingerprint != self.fingerprint:
            raise Unusable("it is of another training, with other settings or data")

    def _name(self, kind: str, first: int, second: int) -> str:
        if self._generation is None:
            self._generation = _last_generation(self.place.entries()) + 1
        return f"{kind}-{self._generation:04d}-{first:08d}-{second:06d}-{self.token}"

    def _prune(self) -> None:
        entries = self.place.entries()
        own = self._generation or 0
        if _last_generation(entries) > own:
            return  # the training was taken over: what is here is its successor's
        sound = [entry for entry in _newest_first("state", entries) if entry not in self._useless]
        kept = sound[:STATES_KEPT]
        removed = {entry for entry in _newest_first("state", entries) if entry not in kept}
        if all(entry in self._models for entry in kept):
            needed = frozenset().union(*(self._models[entry] for entry in kept))
            removed |= {e for e in _newest_first("model", entries) if e not in needed}
        removed |= {e for e in self.place.leftovers() if _generation(e) < own}
        self.guard()
        for entry in removed:
            self.place.remove(entry)


def _newest_first(kind: str, entries: Iterable[str]) -> list[str]:
    return sorted((e for e in entries if e.startswith(f"{kind}-") and _generation(e)), reverse=True)


def _last_generation(entries: Iterable[str]) -> int:
    return max(map(_generation, entries), default=0)


def _generation(entry: str) -> int:
    """Return an entry's generation, from 1; 0 for a name that is none of ours."""
    found = NAME.fullmatch(entry)
    return int(found["generation"]) if found else 0
