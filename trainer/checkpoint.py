"""The models a training keeps on disk: the best ones, each a whole folder or none at all.

A model is written into a hidden folder beside its place and renamed, so that a folder with the
right name is complete. As many are kept as `save_total_limit` says, those with the best values.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from transformers import BartForConditionalGeneration
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from trainer.scores import SCORES_FILE

SETTINGS_FILE = "settings.yaml"
PREFIX = "evaluation-"


class Checkpoints:
    """The kept models of one training, in `folder`, at most `limit` of them."""

    def __init__(self, folder: Path, *, limit: int) -> None:
        self.folder = folder
        self.limit = max(1, limit)
        self._kept: list[tuple[float, Path]] = []  # best first

    def clear(self) -> None:
        """Make the folder, and remove the models an earlier training left in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / SCORES_FILE).unlink(missing_ok=True)
        for path in self.folder.glob(f"{PREFIX}*"):
            if (path / SETTINGS_FILE).is_file():
                shutil.rmtree(path)
        for path in self.folder.glob(f".{PREFIX}*.partial"):
            shutil.rmtree(path)  # of a process that was killed while it wrote

    def admits(self, value: float) -> bool:
        """Say whether a model of this value would be kept; of equals the older ones are."""
        return len(self._kept) < self.limit or value > self._kept[-1][0]

    def place(self, evaluation: int) -> Path:
        """Return the folder of the given evaluation's model, existing or not."""
        return self.folder / f"{PREFIX}{evaluation}"

    def keep(self, evaluation: int, value: float, write: Callable[[Path], None]) -> None:
        """Have `write` fill a folder, make it the evaluation's, and remove what is too many."""
        place = self.place(evaluation)
        write_whole(place, write)
        self._kept.append((value, place))
        self._kept.sort(key=lambda kept: -kept[0])  # stable: of equal values the older leads
        for _, path in self._kept[self.limit :]:
            shutil.rmtree(path)
        del self._kept[self.limit :]


def write_whole(place: Path, write: Callable[[Path], None]) -> None:
    """Have `write` fill a temporary folder beside `place`, then rename it to `place`."""
    partial = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".partial", dir=place.parent))
    try:
        write(partial)
        _share(partial)
        if place.exists():
            shutil.rmtree(place)
        partial.replace(place)
    except BaseException:  # an interrupt too must leave no half folder behind
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _share(folder: Path) -> None:
    """Let others read: mkdtemp and safetensors make what only the owner may."""
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)


def write_model(
    folder: Path,
    *,
    model: BartForConditionalGeneration,
    tokenizer: PreTrainedTokenizerBase,
    settings: str,
) -> None:
    """Write weights (safetensors), model and generation configs, tokenizer, and settings."""
    cached = model.config.use_cache
    model.config.use_cache = True  # off while training only
    try:
        model.save_pretrained(folder)
    finally:
        model.config.use_cache = cached
    tokenizer.save_pretrained(folder)
    (folder / SETTINGS_FILE).write_text(settings, encoding="utf-8")
