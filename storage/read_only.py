"""A database that this process can read and not write: the server itself refuses."""

import sqlalchemy as sa

from storage.connect import Database


def refuse_writes(database: Database) -> None:
    """Make every later transaction of this process on the database read-only.

    Works for Optuna's storage and for our tables; a write ends in the database's own error.
    """
    for engine in {database.engine, database.storage.engine}:
        sa.event.listen(engine, "begin", _read_only)


def _read_only(connection: sa.Connection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    connection.exec_driver_sql("PRAGMA query_only = ON" if sqlite else "SET TRANSACTION READ ONLY")
