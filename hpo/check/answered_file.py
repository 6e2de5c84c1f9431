"""The test file that a submission answers."""

from pathlib import Path

from hpo.errors import WrongInput
from hpo.submission_source import read_source
from trainer.tables import SUFFIXES


def find_test_file(submission: Path, data: str | None) -> Path:
    """The file given, the one in the folder given, or the one that the submission was written for.

    Raises WrongInput where nobody says which, or where there is no submission to say it.
    """
    if data is not None:
        return _in(Path(data).expanduser())
    source = read_source(submission)
    if source is None:
        if not submission.exists():
            raise WrongInput(f"{submission}: there is no such file")
        raise WrongInput(f"say which file {submission} is for: --data test.csv")
    return Path(source.data)


def _in(place: Path) -> Path:
    if not place.is_dir():
        return place
    found = [path for suffix in SUFFIXES if (path := place / f"test{suffix}").is_file()]
    if len(found) != 1:
        raise WrongInput(f"{place} has {len(found)} test files; name one: --data test.csv")
    return found[0]
