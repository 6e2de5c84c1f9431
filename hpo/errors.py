"""What the search can refuse or run into; every message is one line that says how to mend it."""

from dataclasses import dataclass


class HpoError(Exception):
    """Base of the package's errors; the command line prints the message and exits with 1."""


class WrongInput(HpoError):
    """What was typed cannot work, whatever is in the database; the command line exits with 2."""


class BadStudyName(WrongInput):
    """The study's name cannot be stored or shown."""


class NoSuchStudy(HpoError):
    """No study of that name is in the database."""


class NotPinned(HpoError):
    """The study exists but was not made by hpo: it has no pinned configuration."""


@dataclass(frozen=True)
class Difference:
    """One field whose pinned value is not the given one; a missing side is None."""

    field: str
    pinned: object
    given: object

    def __str__(self) -> str:
        return f"{self.field}: pinned {self.pinned!r}, given {self.given!r}"


class StudyDiffers(HpoError):
    """The study is pinned with another configuration; `differences` holds each field."""

    def __init__(self, message: str, differences: tuple[Difference, ...]) -> None:
        super().__init__(message)
        self.differences = differences


class WorkerRefused(HpoError):
    """The data or the versions here are not those the study was pinned with."""


class SearchRefused(WrongInput):
    """The sampler or the pruner cannot work with this search space."""


class BadEnqueued(HpoError):
    """A queued trial names a parameter or a value outside the search space."""


class SpaceExhausted(HpoError):
    """Every combination of a finite search space has been tried."""


class DashboardError(HpoError):
    """The dashboard cannot listen where it was asked to, or would let strangers in."""


class WrongDashboard(DashboardError, WrongInput):
    """What was said about its host, user or password cannot be."""
