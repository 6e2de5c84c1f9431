"""The lock under which all about a study is decided, and how long a silent process keeps it."""

import sqlalchemy as sa

from storage.tables import STUDIES

DECISION_S = 30.0


def lock_study(connection: sa.Connection, study_id: int) -> bool:
    """Keep every other decision on the study out until commit; False when there is no such study.

    PostgreSQL locks the study's row, as Optuna does to number a trial, but not against rows that
    refer to it: who writes an attribute neither waits for a decision nor is waited for. On SQLite
    the transaction holds the write lock already.
    """
    study = sa.select(STUDIES.c.study_id, *idle_limit(connection))
    study = study.where(STUDIES.c.study_id == study_id).with_for_update(key_share=True)
    return connection.execute(study).one_or_none() is not None


def idle_limit(connection: sa.Connection) -> tuple[sa.ColumnElement[str], ...]:
    """Give a column that limits how long the transaction's process may be silent in it.

    A process that stops between two statements (frozen, or its machine gone) would hold up all who
    wait for what it has locked, so PostgreSQL ends its transaction after DECISION_S.
    """
    if connection.dialect.name != "postgresql":
        return ()
    setting = ("idle_in_transaction_session_timeout", f"{DECISION_S * 1000:.0f}", True)
    return (sa.func.set_config(*setting),)
