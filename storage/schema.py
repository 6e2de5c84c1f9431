"""The tables of a study database: whether they are there, whether they are ours, making them.

Optuna's are of a version when its alembic revision is the installed Optuna's; ours when the row
in hpo_schema says so. That row is written last, so an interrupted creation is simply done again.
"""

import sqlite3

import optuna
import sqlalchemy as sa

from storage.engines import READING, engine_arguments
from storage.errors import WrongSchema
from storage.tables import METADATA, OPTUNA_METADATA, SCHEMA, VERSION
from storage.url import StorageURL

# Revision of Optuna's tables that this program's own SQL on them was written for.
OPTUNA_REVISION = "v3.2.0.a"
WRITE_AHEAD = "PRAGMA journal_mode=WAL"

_REVISIONS = sa.table("alembic_version", sa.column("version_num", sa.String))


def is_ready(engine: sa.Engine, url: StorageURL) -> bool:
    """Tell whether all tables are there. Raises WrongSchema when they are another version's."""
    with engine.execution_options(**{READING: True}).begin() as connection:
        inspector = sa.inspect(connection)
        if inspector.has_table(_REVISIONS.name):
            revision = connection.execute(sa.select(_REVISIONS.c.version_num)).scalar()
            _check_optuna(revision, url)
        if not inspector.has_table(SCHEMA.name):
            return False
        version = connection.execute(sa.select(SCHEMA.c.version)).scalar()
        if version is not None and version != VERSION:
            raise WrongSchema(
                f"{url}: its hpo tables are of version {version}, this hpo needs {VERSION}; "
                "use the hpo that made them, or another database"
            )
        return version is not None


def create(engine: sa.Engine, url: StorageURL) -> None:
    """Make what is missing; call it under the lock only."""
    if url.is_sqlite:
        _use_write_ahead_log(engine)
    OPTUNA_METADATA.create_all(engine)
    # Opening Optuna's storage writes its version rows, which must not happen in two processes.
    backend = open_optuna(url)
    backend.remove_session()
    backend.engine.dispose()
    with engine.begin() as connection:
        METADATA.create_all(connection)
        connection.execute(SCHEMA.insert().values(version=VERSION))
    # Only now does a database from before Optuna had revisions carry one: the very first.
    is_ready(engine, url)


def open_optuna(url: StorageURL) -> optuna.storages.RDBStorage:
    """Open Optuna's storage over tables that are there; it checks nothing, is_ready does."""
    return optuna.storages.RDBStorage(
        # RDBStorage takes braces for a template.
        url.sqlalchemy.replace("{", "{{").replace("}", "}}"),
        engine_kwargs=engine_arguments(url),
        skip_compatibility_check=True,
        skip_table_creation=True,
    )


def _check_optuna(revision: str | None, url: StorageURL) -> None:
    if revision is not None and revision != OPTUNA_REVISION:
        raise WrongSchema(
            f"{url}: its Optuna tables are of revision {revision}, Optuna {optuna.__version__} "
            f"here needs {OPTUNA_REVISION}; use another database, or upgrade a copy of this one "
            "with optuna storage upgrade"
        )


def _use_write_ahead_log(engine: sa.Engine) -> None:
    """Let readers and the writer work side by side; the file remembers it."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute(WRITE_AHEAD)
    except sqlite3.Error as error:  # by SQLAlchemy's name, which callers know how to meet
        raise sa.exc.OperationalError(WRITE_AHEAD, None, error) from error
    finally:
        connection.close()
