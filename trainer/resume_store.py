"""Where a training's resume state lies: a folder, shared between machines or not, or a URL."""

import shutil
from pathlib import Path


class ResumeStore:
    """The resume state of one training, in a place of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def clear(self) -> None:
        """Remove the resume state; nothing there is no error."""
        shutil.rmtree(self.place, ignore_errors=True)


def open_resume_store(root: str | Path, name: str) -> ResumeStore:
    """Return the store of the training `name`, such as "STUDY/trial_00007", under a root folder.

    Raises TrainerError for a root that cannot be used.
    """
    return ResumeStore(Path(root) / name)
