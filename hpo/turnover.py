"""From a trial's end until the next one trains: what decides nothing waits for that to pass.

Beside a trial that begins, it would take turns with it at the interpreter and the database.
"""

import threading

HELD_S = 10.0


class Turnover:
    """Holds other threads back from `begin` to `end`, but for no longer than HELD_S."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._over.set()

    def begin(self) -> None:
        """Hold back who waits from now on."""
        self._over.clear()

    def end(self) -> None:
        """Let go who waits: the next trial trains, or none comes."""
        self._over.set()

    def wait(self) -> None:
        """Return when no trial gives way to another; one that took too long is over."""
        if not self._over.wait(HELD_S):
            self._over.set()
