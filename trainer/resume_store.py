"""Where the resume state of one training lies, whichever process trains it."""

from pathlib import Path, PurePosixPath

from trainer.errors import TrainerError
from trainer.resume_attempt import Attempt
from trainer.resume_objects import open_place
from trainer.resume_place import Place
from trainer.write_guard import WriteGuard

FOLDER = "resume"  # the name may be that of a folder with other things in it, such as kept models


class ResumeStore:
    """The resume state of one training."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def clear(self) -> None:
        """Remove the resume state; nothing there is no error. May raise what the storage raises."""
        self.place.clear()

    def attempt(self, fingerprint: str, guard: WriteGuard) -> Attempt:
        """Begin an attempt at the training of that fingerprint."""
        return Attempt(self.place, fingerprint, guard=guard)


def stored_names(root: str | Path, group: str) -> list[str]:
    """Return the names below `group`, such as "STUDY/trial_00007", that have a resume state.

    Raises TrainerError for a root that cannot be used, or what the storage's library raises.
    """
    return [f"{group}/{name}" for name in open_place(root, group).groups_with(FOLDER)]


def open_resume_store(root: str | Path, name: str) -> ResumeStore:
    """Return the store of the training `name`, such as "STUDY/trial_00007", under a root.

    root: a folder, shared between machines or not, or a URL that fsspec knows, such as
    s3://bucket/hpo. Raises TrainerError for a root that cannot be used.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        raise TrainerError(f"{name!r} is no name for a resume state: it would lead out of its root")
    return ResumeStore(open_place(root, f"{name}/{FOLDER}"))
