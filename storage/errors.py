"""What can go wrong with a study database, as one tree that callers can catch by what they can do.

Every message is one line, says how to mend it, and never holds a password.
"""


class StorageError(Exception):
    """Base of every error that `storage` raises."""


class BadURL(StorageError):
    """The storage URL is not one this program can use."""


class Unreachable(StorageError):
    """The server does not answer, or the connection to it was lost."""


class ReadOnly(StorageError):
    """The server takes no writes: it is a standby, or was set so, as one whose disk is full."""


class ServerFailed(StorageError):
    """The server answers, and lacks disk, memory or a sound file to do what was asked."""


class WrongPassword(StorageError):
    """The server answered and did not let this user in."""


class NoDatabase(StorageError):
    """The server has no such database, or there is nothing of ours in it yet."""


class Missing(NoDatabase, KeyError):
    """The study or trial is not there, or no longer; Optuna has a KeyError for that."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError's own has quotes around it


class FileGone(StorageError):
    """The SQLite file was deleted, moved or replaced while it was open."""


class NotAllowed(StorageError):
    """The database user or the file's permissions do not allow what is needed."""


class BadFile(StorageError):
    """The SQLite file cannot be opened, or is something else than a database."""


class WrongSchema(StorageError):
    """The tables were made by another version of this program or of Optuna."""


class Busy(StorageError):
    """Another process held a lock for longer than anybody should wait."""


class WentBack(StorageError):
    """The database lacks what this process has seen in it: what it has in mind is no longer so."""

    def __init__(self) -> None:
        super().__init__(
            "the database has lost what was written to it last: it was put back, or a standby that"
            " lacked it is the primary now"
        )


class LeaseLost(StorageError):
    """The trial belongs to another worker by now, so this one must not write to it."""


class AlreadyQueued(StorageError):
    """The trial's parameters wait in the queue or run again already."""


class LocalServerError(StorageError):
    """The embedded PostgreSQL could not be started or stopped."""
