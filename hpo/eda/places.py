"""Where the page and the JSON go, looked at before the minutes of work."""

from pathlib import Path

from hpo.eda.splits import Split
from hpo.errors import HpoError, WrongInput


def check_places(page: Path, data: Path | None, splits: tuple[Split, ...]) -> None:
    """Refuse what could not be written (HpoError), or would overwrite what is read (WrongInput)."""
    if data is not None and data.resolve() == page.resolve():
        raise WrongInput(f"--out and --json both name {page}; give each a file of its own")
    for place in filter(None, (page, data)):
        if not place.parent.is_dir():
            raise HpoError(f"cannot write {place}: there is no folder {place.parent}")
        if any(place.resolve() == split.path.resolve() for split in splits):
            raise WrongInput(f"{place} is a data file; write the page elsewhere")
