"""Which fault strikes when: the same seed gives the same schedule.

Faults are due by progress, not by the clock: each once so many trials have finished. So every one
of them strikes while there is work to disturb, on slow machines and on fast ones.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Literal

Kind = Literal["kill child", "kill parent", "kill both", "pause", "database"]

LAST_AT = 0.8  # share of the trials after which no further fault begins
KILLS: tuple[Kind, ...] = ("kill both", "kill child", "kill both", "kill child", "kill parent")
OUTAGES_S = (15.0, 4.0, 8.0)


@dataclass(frozen=True)
class Fault:
    """One fault: due once `after` trials have finished; `seconds` of a pause or an outage."""

    kind: Kind
    after: int
    seconds: float = 0.0


@dataclass(frozen=True)
class Plan:
    """How many faults of each sort strike in a search of so many trials."""

    trials: int
    kills: int
    pauses: int
    outages: int
    lease_s: float
    seed: int

    def faults(self) -> list[Fault]:
        """The schedule, in order."""
        draw = random.Random(self.seed)
        wanted = list(self._wanted())
        draw.shuffle(wanted)
        last = self.trials * LAST_AT
        return [
            Fault(kind, after=int(last * place / len(wanted)), seconds=seconds)
            for place, (kind, seconds) in enumerate(wanted)
        ]

    def _wanted(self) -> Iterator[tuple[Kind, float]]:
        kills = ((KILLS[number % len(KILLS)], 0.0) for number in range(self.kills))
        pauses: Iterator[tuple[Kind, float]] = repeat(("pause", 2.5 * self.lease_s), self.pauses)
        outages: Iterator[tuple[Kind, float]] = (
            ("database", OUTAGES_S[number % len(OUTAGES_S)]) for number in range(self.outages)
        )
        return chain(kills, pauses, outages)
