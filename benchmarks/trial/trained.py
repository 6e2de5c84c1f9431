"""What a cell gives back: how long its training took, where, and how good its model is."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any
from unittest.mock import patch

import torch

Places = Mapping[str, tuple[tuple[Any, str], ...]]
"""A part's name: the functions whose time is its, each as the object it hangs on and its name."""


@dataclass(frozen=True)
class Trained:
    """A training with its evaluations; `value` is its best evaluation's, as for a trial."""

    seconds: float
    cpu_seconds: float
    values: tuple[float, ...]
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The best evaluation's."""
        return max(self.values)


class Clock:
    """Wall and CPU time, as a whole and by part; a part within another counts as its own.

    Parts are CPU time, which other programs on the machine spoil least; on a GPU they are wall
    time, and a part that does not wait for the device leaves its time to the next that does.
    """

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._now = time.perf_counter if torch.cuda.is_available() else time.process_time
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self._inner = [0.0]

    @contextmanager
    def running(self, places: Places) -> Iterator[None]:
        """Measure what is done inside."""
        with ExitStack() as stack:
            for part, functions in places.items():
                for owner, name in functions:
                    stack.enter_context(patch.object(owner, name, self._timed(owner, name, part)))
            wall, cpu = time.perf_counter(), time.process_time()
            yield
            self.seconds = time.perf_counter() - wall
            self.cpu_seconds = time.process_time() - cpu
        whole = self.seconds if torch.cuda.is_available() else self.cpu_seconds
        self.parts["the rest"] = whole - sum(self.parts.values())

    def _timed(self, owner: Any, name: str, part: str) -> Callable[..., Any]:
        function = getattr(owner, name)

        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self._inner.append(0.0)
            begun = self._now()
            try:
                return function(*args, **kwargs)
            finally:
                took = self._now() - begun
                own = took - self._inner.pop()
                self._inner[-1] += took
                self.parts[part] = self.parts.get(part, 0.0) + own

        return timed
