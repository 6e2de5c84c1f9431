"""A guard: a ratio that must stay below a bound, told apart from a machine's bad moment.

Both sides are measured turn about, and of each the least counts: other work only ever adds to what
a measurement takes. So neither a bad moment of ours fails a guard nor one of the peer hides a loss.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

TRIES = 3

Sides = tuple[float, float]
"""What ours took, and what it is compared with."""


class Rounds:
    """The rounds of a measurement, made when they are asked for; guards may share them."""

    def __init__(self, measure: Callable[[], Mapping[str, Sides]]) -> None:
        self._measure = measure
        self._made: list[Mapping[str, Sides]] = []

    def ratio(self, figure: str, *, rounds: int) -> float:
        """Return the least of ours over the least of the peer in that many rounds."""
        while len(self._made) < rounds:
            self._made.append(self._measure())
        ours, peer = zip(*(made[figure] for made in self._made[:rounds]), strict=True)
        return float(min(ours) / min(peer))


@dataclass(frozen=True)
class Guard:
    """A ratio that must stay below a bound; `mend` says where to look when it does not.

    `figure` names it in what each of the rounds has found; `at_least` rounds are made.
    """

    name: str
    rounds: Rounds
    figure: str
    bound: float
    mend: str
    at_least: int = 1


@dataclass(frozen=True)
class Found:
    """What a guard found."""

    guard: Guard
    value: float

    @property
    def ok(self) -> bool:
        """Whether the bound holds."""
        return self.value <= self.guard.bound

    def __str__(self) -> str:
        """Give it in one line, with the mend where it failed."""
        guard, word = self.guard, "ok    " if self.ok else "FAILED"
        line = f"{word} {guard.name:56s} {self.value:7.3f}  at most {guard.bound:g}"
        return line if self.ok else f"{line}; {guard.mend}"


def tried(guard: Guard, *, tries: int = TRIES) -> Found:
    """Measure until the bound holds, with up to `tries` rounds more than the guard needs."""
    rounds = guard.at_least
    found = Found(guard, guard.rounds.ratio(guard.figure, rounds=rounds))
    while not found.ok and rounds < guard.at_least + tries - 1:
        rounds += 1
        found = Found(guard, guard.rounds.ratio(guard.figure, rounds=rounds))
    return found
