"""Opening what a command was pointed at: the storage URL, and the study in it."""

from collections.abc import Iterator
from contextlib import contextmanager

import optuna

from hpo.confirm.names import confirmed_name
from hpo.errors import HpoError
from hpo.status import study_names
from storage.connect import Database, connect
from storage.failures import translated
from storage.patience import AT_ONCE, Patience
from storage.url import StorageURL


@contextmanager
def open_database(
    url: str, *, create: bool = False, patience: Patience = AT_ONCE
) -> Iterator[Database]:
    """Connect to the database at `url` for the length of the context.

    Its tables are made where they are missing only with `create`, else NoDatabase is raised. A
    database that is away is waited for as long as `patience` says.
    Every database error inside becomes a StorageError.
    """
    parsed = StorageURL.parse(url)
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # people read our lines, not Optuna's
    with connect(parsed, create=create, patience=patience) as database, translated(parsed):
        yield database


def choose_study(database: Database, name: str | None) -> str:
    """The study asked for, or the only one there is when `name` is None.

    A study that confirms another one's trials does not count beside it.
    """
    if name is not None:
        return name
    known = study_names(database)
    names = [one for one in known if confirmed_name(one) not in known]
    if len(names) == 1:
        return names[0]
    if not names:
        raise HpoError(f"no study in {database.url} yet; start one: hpo worker --study demo")
    raise HpoError(f"several studies in {database.url}; say which with --study: {', '.join(names)}")
