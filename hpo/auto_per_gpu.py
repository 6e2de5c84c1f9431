"""`--per-gpu auto`: how many trials at once a card is worth, by its memory and a measurement.

Two trainings at once are worth it where they make more steps a second together than one. So one
more is tried until it gains too little, or memory or cores end; the fewest that come close to the
best are taken. Evaluations are left out: they leave a card idle more than steps do, so the true
gain is rather higher.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from config.mapping import to_mapping
from config.schema import Configuration
from hpo.bursts import BurstFailed, Bursts
from hpo.errors import HpoError
from hpo.whole_file import write_whole
from trainer.device_memory import Room

GAIN = 1.05
"""What one more trial at once must multiply the steps a second by."""
MOST = 8
MARGIN = 0.9  # of what is free
GIB = 1024**3
FILE = "per-gpu.json"


@dataclass(frozen=True)
class Measured:
    """Steps a second of 1, 2, … trainings at once, and what the largest one takes of memory.

    `ended`: why no more were tried; `cramped`: that is memory, which others may have had just then.
    """

    rates: tuple[float, ...]
    need: Room
    ended: str
    cramped: bool = False


@dataclass(frozen=True)
class Choice:
    """How many at once, and why, in words."""

    workers: int
    reason: str


def most_in(room: Room, need: Room) -> int:
    """How many trainings of that need fit, with a margin; at least 1, which is tried anyway."""
    pairs = ((room.card, need.card), (room.main, need.main))
    fits = [int(MARGIN * free / used) for free, used in pairs if free is not None and used]
    return max(1, min([MOST, *fits]))


def pick(rates: Sequence[float]) -> int:
    """The fewest at once that come within GAIN of the best."""
    enough = max(rates) / GAIN
    return next(count for count, rate in enumerate(rates, start=1) if rate >= enough)


def choose(
    config: Configuration, bursts: Bursts, *, threads: Callable[[int], int], cores: int
) -> Choice:
    """Choose for this card and study: as kept from before, else measured now and kept.

    `threads` says how many CPU threads each of so many trainings gets. The choice is kept in
    the output folder's cache. Memory is looked at anew each time; where it ended the measuring and
    there is more of it now, it is measured again. Raises HpoError where not one training runs.
    """
    try:
        room = bursts.room()
    except BurstFailed as error:
        raise HpoError(f"--per-gpu auto: {error}") from error
    place = Path(config.general.output_dir) / "cache" / FILE
    key = _key(config, room.device, cores, threads(1))
    kept = _measured(_read(place).get(key))
    if kept is not None and kept.cramped and most_in(room, kept.need) > len(kept.rates):
        kept = None
    measured = kept or _measure(bursts, room, threads=threads, cores=cores)
    if kept is None:
        _keep(place, key, measured)
    workers = min(pick(measured.rates), most_in(room, measured.need))
    return Choice(workers, _reason(measured, workers, room, kept=kept is not None))


def _measure(bursts: Bursts, room: Room, *, threads: Callable[[int], int], cores: int) -> Measured:
    try:
        need = bursts.need()
        bursts.add()
    except BurstFailed as error:
        raise HpoError(f"--per-gpu auto: a training to measure with failed: {error}") from error
    rates = [bursts.steps_a_second(threads=threads(1))]
    most = min(most_in(room, need), cores)
    while len(rates) < most:
        count = len(rates) + 1
        try:
            bursts.add()
            rates.append(bursts.steps_a_second(threads=threads(count)))
        except BurstFailed as error:
            return Measured(tuple(rates), need, f"{count} at once failed: {error}")
        if rates[-1] < rates[-2] * GAIN:
            return Measured(tuple(rates), need, f"{count} gain less than {GAIN - 1:.0%}")
    limit = {cores: "cores", MOST: "the most that are tried"}.get(most)
    ended = f"{most} are all {limit or 'that fit in memory'}"
    return Measured(tuple(rates), need, ended, cramped=limit is None)


def _reason(measured: Measured, workers: int, room: Room, *, kept: bool) -> str:
    """One line: steps a second of each number tried, and what ended the trying."""
    rates = ", ".join(f"{count}: {rate:.3g}" for count, rate in enumerate(measured.rates, start=1))
    need, free = measured.need, room
    takes = [
        f"{used / GIB:.1f} of {left / GIB:.1f} GiB free {where}"
        for used, left, where in (
            (need.card, free.card, "on the card"),
            (need.main, free.main, "in main memory"),
        )
        if used is not None and left is not None
    ]
    less = " (no more fit now)" * (workers < pick(measured.rates))
    return (
        f"{workers} at once on {room.device}{less}; steps a second by trials at once {rates};"
        f" {measured.ended}; the largest trial takes {' and '.join(takes) or 'unknown memory'}"
        f"{', as measured before' if kept else ''}"
    )


def _key(config: Configuration, device: str, cores: int, threads: int) -> str:
    """What the measurement depends on: the trainings, the device, torch, the CPU."""
    whole = to_mapping(config)
    parts: dict[str, object] = {
        name: whole[name] for name in ("model", "preprocessing", "training", "generation")
    }
    optuna = whole["optuna"]
    space = optuna["search_space"] if isinstance(optuna, dict) else None
    parts |= {"space": space, "device": device, "torch": torch.__version__}
    text = json.dumps({**parts, "cores": cores, "threads": threads}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(place: Path) -> dict[str, Any]:
    """What was kept; nothing where the file is not there or is no longer one of ours."""
    with suppress(OSError, ValueError):
        found = json.loads(place.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    return {}


def _keep(place: Path, key: str, measured: Measured) -> None:
    with suppress(HpoError, OSError):  # then it is measured again
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, json.dumps({**_read(place), key: asdict(measured)}, indent=1))


def _measured(kept: Mapping[str, Any] | None) -> Measured | None:
    """What was kept as it was; None where somebody has changed it into something else."""
    with suppress(KeyError, TypeError, ValueError):
        if kept is not None:
            rates = tuple(float(rate) for rate in kept["rates"])
            need, ended, cramped = Room(**kept["need"]), str(kept["ended"]), bool(kept["cramped"])
            return Measured(rates, need, ended, cramped=cramped) if rates else None
    return None
