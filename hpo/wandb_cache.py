"""Where wandb keeps its caches; its service writes its log there, or else to our terminal."""

import os
import tempfile
from pathlib import Path

from wandb.env import CACHE_DIR, get_cache_dir


def cache_beside(folder: Path) -> None:
    """Have wandb keep its caches in `folder`/wandb where the place it would take can't be written.

    A container's user often has no home, or one that is read-only. Before wandb's service starts.
    """
    place = get_cache_dir()
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError:
        os.environ[CACHE_DIR] = str(folder.absolute() / "wandb" / "cache")
