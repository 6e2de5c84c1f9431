"""Where a worker may write: what the operator says, else what the study says within this folder.

A study's output folder comes out of the database. Whoever may write there must not choose where
this machine's files are written, replaced and deleted; so a pinned folder counts only where it
lies below the folder that the worker was started in.
"""

from pathlib import Path

from hpo.errors import WrongInput


def output_folder(pinned: str, given: str | None, *, here: Path) -> str:
    """The output folder to use: `given` by the operator, else the study's if it is below `here`.

    Raises WrongInput for a pinned folder anywhere else. Links are followed as they are: only the
    operator can have put them there.
    """
    if given is not None:
        return given
    if stays_below(here, pinned):
        return pinned
    raise WrongInput(
        f"the study wants its models in {pinned!r}, which is outside this folder, and what is in"
        " the database does not decide that: say --output (or HPO_OUTPUT) with the folder you mean"
    )


def checkpoint_root(pinned: str | None, given: str | None, *, here: Path) -> str | None:
    """The checkpoint root to use, chosen alike; None is the output folder. Raises WrongInput."""
    if given is not None or pinned is None:
        return given
    if _is_below(here, pinned):
        return pinned
    raise WrongInput(
        f"the study wants its checkpoints in {pinned!r}, which is outside this folder, and what is"
        " in the database does not decide that: say --checkpoints (or HPO_CHECKPOINTS) with the"
        " place you mean"
    )


def worker_options(output: str, checkpoints: str | None, *, here: Path) -> tuple[str, ...]:
    """The options that a worker in `here` needs to use the places in an operator's own file."""
    options = () if stays_below(here, output) else ("--output", output)
    if checkpoints is None or _is_below(here, checkpoints):
        return options
    return (*options, "--checkpoints", checkpoints)


def _is_below(here: Path, root: str) -> bool:
    return "://" not in root and stays_below(here, root)


def stays_below(here: Path, pinned: str) -> bool:
    """Whether a folder out of the database lies below `here`, however it is written."""
    path = Path(pinned)
    if not pinned.isprintable() or ".." in path.parts or pinned.startswith("~"):
        return False
    return (here / path).is_relative_to(here)
