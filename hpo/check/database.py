"""Whether the database answers, how fast, and whether it takes what workers write."""

import os
from pathlib import Path

from hpo.check.finding import Finding
from hpo.check.subject import Subject
from storage.url import StorageURL

NAME = "storage"
SLOW_S = 0.05  # a round trip; a trial makes some tens of them, and one more at each evaluation


def look_at_storage(subject: Subject) -> Finding:
    """Ask it a few times; raises StorageError where it does not answer."""
    stored = subject.stored.get()
    if stored.url.path is not None and (closed := _closed(stored.url.path)):
        return Finding(NAME, "failure", closed, "give this user write access there")
    if stored.probe is None:
        return Finding(
            NAME, "ok", f"{stored.url} is not there yet: hpo create or a worker makes it"
        )
    answers = f"{stored.url} answers in {1000 * stored.probe.round_trip_s:.2g} ms"
    text = f"{answers} ({stored.probe.server}, {_count(len(stored.studies))})"
    if not stored.probe.writable:
        return Finding(NAME, "failure", f"{text}, but takes no writes", "name the primary server")
    if not stored.probe.allowed:
        return Finding(NAME, "failure", f"{text}, but this user may only read", _grants(stored.url))
    if stored.probe.round_trip_s > SLOW_S:
        return Finding(NAME, "warning", text, "run the workers nearer to the database")
    return Finding(NAME, "ok", text)


def _closed(file: Path) -> str | None:
    """What of a SQLite file this user may not write: its log lies beside it."""
    for path in (file.parent, *([file] if file.exists() else [])):
        if not os.access(path, os.W_OK):
            return f"{path} cannot be written"
    return None


def _grants(url: StorageURL) -> str:
    schema = url.schema
    return (
        f"ask the owner for GRANT USAGE, CREATE ON SCHEMA {schema}, GRANT ALL ON ALL TABLES IN"
        f" SCHEMA {schema} and GRANT ALL ON ALL SEQUENCES IN SCHEMA {schema} TO this user"
    )


def _count(studies: int) -> str:
    return {0: "no study yet", 1: "1 study"}.get(studies, f"{studies} studies")
