"""How long a database that does not answer is waited for, and what ends the wait earlier."""

from collections.abc import Callable
from dataclasses import dataclass

WORKER_OUTAGE_S = 1800.0


def never() -> bool:
    """Give up for no reason but time."""
    return False


@dataclass(frozen=True)
class Patience:
    """How long a call goes on asking a database that went away, in seconds from its first failure.

    0 means that a command says at once what is wrong. `give_up` is looked at after every failure,
    at least once a second: True ends the wait, as a worker wants that was asked to stop. It may be
    called from any thread.
    """

    outage_s: float = 0.0
    give_up: Callable[[], bool] = never


AT_ONCE = Patience()
