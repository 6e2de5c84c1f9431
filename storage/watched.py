"""A PostgreSQL connection that notices a server which is there and says nothing.

A frozen server, or a firewall that forgot the connection, answers nothing and closes nothing, and
TCP's own alarms see no fault. So silence is measured here: it ends in the same error as a closed
connection, and whoever repeats calls connects anew.
"""

import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from typing_extensions import override

from storage.patience import never

ANSWER_S = 30.0  # longest silence in the midst of a statement; loading 2,000 trials took 2.9 s
STOPPING_ANSWER_S = 3.0  # the same once the process was asked to stop

REFUSED_OPTION = "unsupported startup parameter"  # in PgBouncer's words

T = TypeVar("T")


class WatchedConnection(psycopg.Connection[Any]):
    """Closes itself with an OperationalError when the server is silent for too long."""

    give_up: Callable[[], bool] = staticmethod(never)

    @override
    def wait(self, gen: PQGen[T], *args: Any, **kwargs: Any) -> T:
        return super().wait(self._watched(gen), *args, **kwargs)

    def _watched(self, gen: PQGen[T]) -> Generator[Any, Any, T]:
        """Pass the driver's generator through; it is woken ten times a second while it waits."""
        heard = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    heard = time.monotonic()
                else:
                    self._bear(time.monotonic() - heard)
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # StopIteration is not generic

    def _bear(self, silent_s: float) -> None:
        if silent_s > ANSWER_S or (silent_s > STOPPING_ANSWER_S and self.give_up()):
            self.close()
            raise psycopg.OperationalError(f"no answer for {silent_s:.0f} s")


def connector(
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    give_up: Callable[[], bool],
    *,
    options: Sequence[str],
    without_options: str,
) -> Callable[[], WatchedConnection]:
    """Give a function that connects with these arguments of psycopg.connect.

    Of `options` it takes the first that a pooler does not refuse, and remembers which that is.
    Where that is the empty one, it runs the statement `without_options`, which must set what
    PgBouncer keeps for each client, as it does the time zone.
    """
    refused: set[str] = set()

    def connect() -> WatchedConnection:
        for choice in options[:-1]:
            if choice not in refused:
                try:
                    return opened(choice)
                except psycopg.OperationalError as error:
                    if REFUSED_OPTION not in str(error):
                        raise
                    refused.add(choice)
        return opened(options[-1])

    def opened(choice: str) -> WatchedConnection:
        connection = WatchedConnection.connect(*args, **{**kwargs, "options": choice})
        connection.give_up = give_up
        if not choice:
            connection.execute(without_options)
            connection.commit()
        return connection

    return connect
