"""The models a training keeps on disk: the best ones, each a whole folder or none at all.

A model is written into a hidden folder beside its place and renamed, so that a folder with the
right name is complete. As many are kept as `save_total_limit` says, those with the best values.
"""

import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from transformers import BartForConditionalGeneration
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from trainer.errors import TrainerError
from trainer.scores import SCORES_FILE
from trainer.write_guard import WriteGuard

SETTINGS_FILE = "settings.yaml"
PREFIX = "evaluation-"
READ_AND_WRITE = 0o666


def check_name(folder: Path) -> None:
    """Refuse a folder (TrainerError) that the library that writes weights would look for elsewhere.

    That one spells every name in UTF-8; Python does as the locale says, as in EUC-KR.
    """
    name = str(folder.absolute())
    try:
        alike = os.fsencode(name) == name.encode()
    except UnicodeEncodeError:
        alike = False
    if not alike:
        raise TrainerError(
            f"no model can be saved in {name!r}: its name is not in UTF-8 (this locale's names are"
            f" in {sys.getfilesystemencoding()}); name another folder, or set LC_ALL=C.UTF-8"
        )


@dataclass(frozen=True)
class KeptModel:
    """A model on disk: which evaluation's it is, and what that found."""

    evaluation: int
    value: float
    folder: Path


class Checkpoints:
    """The kept models of one training, in `folder`, at most `limit` of them.

    `mark` ends each model's name: an attempt that another one may take over has one of its own, so
    that neither touches the other's. `guard` is called before anything is written or removed.
    """

    def __init__(
        self, folder: Path, *, limit: int, mark: str = "", guard: WriteGuard | None = None
    ) -> None:
        self.folder = folder
        self.limit = max(1, limit)
        self.mark = mark
        self.guard = guard or WriteGuard(None)
        self._kept: list[KeptModel] = []  # best first

    @property
    def kept(self) -> tuple[KeptModel, ...]:
        """The models on disk, best first."""
        return tuple(self._kept)

    def clear(self) -> None:
        """Remove the models that earlier trainings or attempts left in the folder."""
        self._kept = []
        if self.folder.exists():
            self._sweep()

    def admits(self, value: float) -> bool:
        """Say whether a model of this value would be kept; of equals the older ones are."""
        return len(self._kept) < self.limit or value > self._kept[-1].value

    def place(self, evaluation: int) -> Path:
        """Return the folder of the given evaluation's model, existing or not."""
        return self.folder / f"{PREFIX}{evaluation}{self.mark}"

    def keep(self, evaluation: int, value: float, write: Callable[[Path], None]) -> None:
        """Have `write` fill a folder, make it the evaluation's, and remove what is too many."""
        place = self.place(evaluation)
        self.guard()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(place, write, guard=self.guard)
        self._kept.append(KeptModel(evaluation, value, place))
        self._kept.sort(key=lambda kept: -kept.value)  # stable: of equal values the older leads
        for kept in self._kept[self.limit :]:
            shutil.rmtree(kept.folder)
        del self._kept[self.limit :]

    def take_over(self, models: Iterable[tuple[int, float, Callable[[Path], None]]]) -> None:
        """Keep the models of an earlier attempt: evaluation, value, and what fills the folder.

        They are to be given best first. Models in the folder that are not among them are removed.
        """
        self.guard()
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = []
        for evaluation, value, write in models:
            write_whole(self.place(evaluation), write, guard=self.guard)
            kept.append(KeptModel(evaluation, value, self.place(evaluation)))
        self._kept = kept
        self._sweep()

    def _sweep(self) -> None:
        """Make the folder, and remove all models in it that are not kept."""
        self.guard()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / SCORES_FILE).unlink(missing_ok=True)
        ours = {kept.folder for kept in self._kept}
        for path in self.folder.glob(f"{PREFIX}*"):
            if path not in ours and (path / SETTINGS_FILE).is_file():
                shutil.rmtree(path)
        for path in self.folder.glob(f".{PREFIX}*.partial"):
            shutil.rmtree(path)  # of a process that was killed while it wrote
        for path in self.folder.glob(f".{SCORES_FILE}.*.partial"):
            path.unlink(missing_ok=True)


def write_whole(
    place: Path, write: Callable[[Path], None], *, guard: WriteGuard | None = None
) -> None:
    """Have `write` fill a temporary folder beside `place`, ask `guard`, and rename it."""
    partial = place.with_name(f".{place.name}.{secrets.token_hex(4)}.partial")
    partial.mkdir()
    try:
        write(partial)
        _share(partial)
        if guard is not None:
            guard()  # writing takes seconds: the training may have been taken over meanwhile
        if place.exists():
            shutil.rmtree(place)
        partial.replace(place)
    except BaseException:  # an interrupt too must leave no half folder behind
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _share(folder: Path) -> None:
    """Let those read who may by the umask: safetensors makes what only the owner may."""
    allowed = folder.stat().st_mode & READ_AND_WRITE
    for path in folder.iterdir():
        with suppress(PermissionError):  # a link to the file of another user, who has shared it
            path.chmod(allowed)


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
