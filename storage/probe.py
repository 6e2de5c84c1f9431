"""A look at a database's server: whether it answers, how fast, and whether it takes writes."""

import statistics
import time
from dataclasses import dataclass

import sqlalchemy as sa

from storage.engines import READING, make_engine
from storage.failures import translated
from storage.url import StorageURL

ROUND_TRIPS = 9
_SERVER = """
SELECT current_setting('server_version'), current_setting('transaction_read_only') = 'off',
  CASE WHEN trials IS NULL THEN coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)
  ELSE has_table_privilege(trials, 'INSERT') AND has_table_privilege(trials, 'UPDATE') END
FROM (SELECT to_regclass('trials') AS trials) AS ours
"""


@dataclass(frozen=True)
class Probe:
    """What answered: `round_trip_s` is the median of a few; `writable` False for a standby.

    `allowed`: whether this user may write in the tables, or make them where there are none yet.
    """

    server: str
    round_trip_s: float
    writable: bool
    allowed: bool


def probe(url: StorageURL) -> Probe:
    """Ask the server a few times; makes and writes nothing. Raises StorageError.

    The file of a SQLite URL has to exist: opening another one would make it.
    """
    with translated(url):
        engine = make_engine(url)
        try:
            with engine.execution_options(**{READING: True}).begin() as connection:
                return Probe(*_about(connection, sqlite=url.is_sqlite))
        finally:
            engine.dispose()


def _about(connection: sa.Connection, *, sqlite: bool) -> tuple[str, float, bool, bool]:
    times = []
    # SQLite answers a constant without a look at its file.
    question = "SELECT count(*) FROM sqlite_master" if sqlite else "SELECT 1"
    for _ in range(ROUND_TRIPS):
        began = time.perf_counter()
        connection.exec_driver_sql(question)
        times.append(time.perf_counter() - began)
    if sqlite:
        version = connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
        return f"SQLite {version}", statistics.median(times), True, True
    version, writable, allowed = connection.exec_driver_sql(_SERVER).one()
    number = str(version).split(maxsplit=1)[0]
    return f"PostgreSQL {number}", statistics.median(times), writable, allowed
