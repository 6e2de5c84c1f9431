"""Makes sure that trainer, storage and config are this project's own.

The names are generic: a package of the same name installed beside ours, or a script called
trainer.py in the folder one works in, would be imported instead without a word.
"""

import importlib.util
from pathlib import Path

from hpo.errors import HpoError

SIBLINGS = ("trainer", "storage", "config")


class NotOurs(HpoError):
    """A package of ours was found somewhere else than beside hpo."""


def check_ours() -> None:
    """Raise NotOurs unless trainer, storage and config lie beside hpo; imports none of them."""
    home = Path(__file__).resolve().parent.parent
    for name in SIBLINGS:
        found = _folder(name)
        if found != home / name:
            where = "nowhere" if found is None else str(found)
            raise NotOurs(
                f"package {name!r} was found in {where} instead of {home / name}: hpo needs an "
                f"environment of its own; make one with `make setup`, uninstall the other "
                f"{name!r}, or work in another folder"
            )


def _folder(name: str) -> Path | None:
    """Where Python would import the package from; None if it would find none."""
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # imported already, by something that left no spec
        return None
    if spec is None:
        return None
    if spec.origin is None:  # a bare folder, which an editable install loses against
        return Path(next(iter(spec.submodule_search_locations or [name]))).resolve()
    origin = Path(spec.origin).resolve()
    return origin.parent if origin.name == "__init__.py" else origin
