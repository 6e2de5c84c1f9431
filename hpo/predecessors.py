"""Seeing to what working processes that died have left in the database."""

from collections.abc import Sequence

from storage.connect import Database
from storage.leases import Leases
from storage.workers import Workers


def bury(database: Database, study: str, dead: Sequence[str]) -> None:
    """Let the dead workers' trials go on at once, an attempt the more, and strike them off."""
    study_id = database.storage.get_study_id_from_name(study)
    leases, workers = Leases(database, study_id), Workers(database, study_id)
    for worker in dead:
        leases.forfeit(worker)
        workers.leave(worker)
