"""What several checks need is found once, and what is missing is told once."""

from collections.abc import Callable
from functools import cached_property
from typing import Generic, TypeVar

from hpo.check.running import NotLookedAt

T = TypeVar("T")


class Part(Generic[T]):
    """Something that several checks need; `line` is the check whose line has why there is none."""

    def __init__(self, line: str, make: Callable[[], T]) -> None:
        self._line = line
        self._make = make
        self._failed = False

    @cached_property
    def _made(self) -> T:
        return self._make()

    @property
    def failed(self) -> bool:
        """Whether it was asked for and could not be found."""
        return self._failed

    def get(self) -> T:
        """Give it; raises why there is none the first time, and NotLookedAt later."""
        if self._failed:
            raise NotLookedAt(f"see the line {self._line}")
        try:
            return self._made
        except NotLookedAt:
            raise
        except Exception:  # of any kind: later lines refer to this one
            self._failed = True
            raise
