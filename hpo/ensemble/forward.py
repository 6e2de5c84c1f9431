"""Forward selection: the best single model first, then whichever helps those chosen most.

After Caruana et al. (2004), without taking a model twice. A score is a dialogue's own, so that what
a member adds can be told from which dialogues the dev set happens to hold.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
"""One score for each dev dialogue: shape (dialogues,)."""


@dataclass(frozen=True, eq=False)
class Step:
    """One addition: the members by then, what was there before, and what every candidate gave.

    before: (dialogues,), None for the first member. tried: (candidates, dialogues), in the order
    of the candidates' numbers; `chosen` is the row of the one that was taken.
    """

    members: tuple[int, ...]
    before: Scores | None
    tried: NDArray[np.float64]
    chosen: int

    @property
    def scores(self) -> Scores:
        """The scores of the members together."""
        row: Scores = self.tried[self.chosen]
        return row

    @property
    def value(self) -> float:
        """Their mean."""
        return float(self.scores.mean())


def forward(
    models: int, score_of: Callable[[tuple[int, ...]], Scores], *, most: int
) -> Iterator[Step]:
    """Give up to `most` additions as they are found, among `models` models numbered from 0.

    `score_of` scores members in their order. Of equals the lowest number is taken. It goes on
    where an addition costs score: the next one may make it good.
    """
    members: tuple[int, ...] = ()
    before: Scores | None = None
    while len(members) < min(most, models):
        left = [number for number in range(models) if number not in members]
        tried = np.stack([score_of((*members, number)) for number in left])
        chosen = int(tried.mean(axis=1).argmax())
        members = (*members, left[chosen])
        step = Step(members, before, tried, chosen)
        yield step
        before = step.scores
