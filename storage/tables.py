"""Our tables beside Optuna's: who works on which trial, who works at all, and the version of both.

Rows follow their study: whoever deletes it (Optuna, its dashboard, this program), the database
deletes them too. SQLite hands the number of a deleted study to the next one, so rows that stayed
behind would be counted for a study they never belonged to.
"""

import sqlalchemy as sa
from optuna.storages._rdb import models

VERSION = 1  # of the tables below

STUDIES: sa.Table = models.StudyModel.__table__
TRIALS: sa.Table = models.TrialModel.__table__
PARAMS: sa.Table = models.TrialParamModel.__table__
VALUES: sa.Table = models.TrialValueModel.__table__
REPORTS: sa.Table = models.TrialIntermediateValueModel.__table__
DIRECTIONS: sa.Table = models.StudyDirectionModel.__table__
STUDY_USER_ATTRIBUTES: sa.Table = models.StudyUserAttributeModel.__table__
STUDY_ATTRIBUTES: sa.Table = models.StudySystemAttributeModel.__table__
USER_ATTRIBUTES: sa.Table = models.TrialUserAttributeModel.__table__
SYSTEM_ATTRIBUTES: sa.Table = models.TrialSystemAttributeModel.__table__
HEARTBEATS: sa.Table = models.TrialHeartbeatModel.__table__
OPTUNA_METADATA: sa.MetaData = models.BaseModel.metadata

METADATA = sa.MetaData()


def _study() -> sa.Column[int]:
    parent = sa.ForeignKey(STUDIES.c.study_id, ondelete="CASCADE")
    return sa.Column("study_id", sa.Integer, parent, primary_key=True)


SCHEMA = sa.Table("hpo_schema", METADATA, sa.Column("version", sa.Integer, nullable=False))

LEASES = sa.Table(
    "hpo_leases",
    METADATA,
    _study(),
    sa.Column("slot", sa.Integer, primary_key=True),
    sa.Column("trial_id", sa.Integer),  # NULL until a trial is reserved or started
    sa.Column("started", sa.Boolean, nullable=False),
    sa.Column("worker", sa.String(256), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),  # database clock, s; 0 = given back
    sa.Column("done", sa.Boolean, nullable=False),
    sa.UniqueConstraint("study_id", "trial_id"),
    sa.Index("hpo_leases_open", "study_id", "done"),
)

WORKERS = sa.Table(
    "hpo_workers",
    METADATA,
    _study(),
    sa.Column("worker", sa.String(256), primary_key=True),
    sa.Column("host", sa.String(256), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("device", sa.String(256), nullable=False),
    sa.Column("doing", sa.Text, nullable=False),
    sa.Column("started_at", sa.Double, nullable=False),  # database clock, s
    sa.Column("beat_at", sa.Double, nullable=False),  # database clock, s
    sa.Column("left", sa.Boolean, nullable=False),
)


def _follow(table: sa.Table) -> None:
    """Delete a study's rows with it on SQLite, where Optuna does not switch foreign keys on."""
    trigger = sa.DDL(  # type: ignore[no-untyped-call]  # SQLAlchemy has no types here
        "CREATE TRIGGER IF NOT EXISTS %(table)s_follow AFTER DELETE ON studies "
        "BEGIN DELETE FROM %(table)s WHERE study_id = OLD.study_id; END"
    )
    sa.event.listen(table, "after_create", trigger.execute_if(dialect="sqlite"))


_follow(LEASES)
_follow(WORKERS)


def clock(dialect: str) -> sa.ColumnElement[float]:
    """Give the SQL for the database's clock in epoch seconds; two reads may differ."""
    if dialect == "sqlite":
        return sa.literal_column("(julianday('now') - 2440587.5) * 86400.0", sa.Double)
    return sa.literal_column("extract(epoch from clock_timestamp())::float8", sa.Double)
