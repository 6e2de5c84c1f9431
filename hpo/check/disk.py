"""Whether there is room for models and for what running trials save."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hpo.check.finding import Finding
from hpo.check.model import parameters_of
from hpo.check.subject import Chosen, Subject
from hpo.places import checkpoint_root, output_folder
from trainer.errors import first_line
from trainer.resume_objects import open_place

NAME = "disk"
GIB = 1024**3
BLOCK = 4096
WEIGHT = 4  # bytes of a parameter in a kept model
RESUME = 3 * 4  # bytes of a parameter in a resume state: with both of AdamW's moments
STATES = 2  # of a running trial: the last one goes when the next one is there


@dataclass(frozen=True)
class Room:
    """Where models go, where running trials save, and what one trial and the whole budget take."""

    output: Path
    checkpoints: str | None
    models: int  # bytes of the models that one trial keeps
    resume: int  # bytes of its resume states while it runs
    trials: int  # that are yet to be taken

    @property
    def one(self) -> int:
        """What one trial needs in the output folder."""
        return self.models + (self.resume if self.checkpoints is None else 0)

    @property
    def all(self) -> int:
        """What all need that may be kept: none of them pruned."""
        return self.models * (self.trials - 1) + self.one if self.trials > 0 else 0


def look_at_disk(subject: Subject) -> Finding:
    """Compare with what is free; raises WrongInput for places that a worker would refuse."""
    chosen = subject.chosen.get()
    size = parameters_of(subject.model.get(), len(subject.tokenizer.get()))
    return disk_finding(room_of(chosen, subject, size))


def room_of(chosen: Chosen, subject: Subject, parameters: int) -> Room:
    """What a search with a model of that many parameters needs, and where."""
    general, asked, here = chosen.config.general, subject.asked, Path.cwd()
    pinned = chosen.study is not None and asked.source is None
    limit = chosen.config.training.save_total_limit
    status = chosen.study.status if chosen.study else None
    budget = chosen.config.optuna.n_trials
    output = asked.output or general.output_dir
    root = asked.checkpoints or general.checkpoint_root
    if pinned:
        output = output_folder(general.output_dir, asked.output, here=here)
        root = checkpoint_root(general.checkpoint_root, asked.checkpoints, here=here)
    return Room(
        output=Path(output).expanduser(),
        checkpoints=root,
        models=limit * WEIGHT * parameters,
        resume=STATES * RESUME * parameters,
        trials=status.budget - status.taken if status else budget,
    )


def disk_finding(room: Room) -> Finding:
    """A failure where not one trial fits or nothing can be written; a warning where not all do."""
    other = "choose another --output"
    try:
        free = _free(room.output)
    except OSError as error:
        text = f"nothing can be written in {room.output}: {error.strerror}"
        return Finding(NAME, "failure", text, other)
    text = f"{_size(free)} free for {room.output}; a trial takes up to {_size(room.one)}"
    if room.trials > 1:
        text += f", {room.trials:,} trials up to {_size(room.all)} where none is pruned"
    if room.checkpoints is not None and (away := _away(room.checkpoints, room.resume)):
        return Finding(NAME, "failure", f"{text}; {away}", "choose another --checkpoints")
    if free < room.one:
        return Finding(NAME, "failure", text, f"free space, or {other}")
    if free < room.all:
        mend = "remove models of earlier trials in time, or choose a larger disk"
        return Finding(NAME, "warning", text, mend)
    return Finding(NAME, "ok", text)


def _free(folder: Path) -> int:
    """How much is free where the folder is or will be; something is written there and goes.

    Raises OSError.
    """
    standing = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    with tempfile.TemporaryFile(dir=standing) as file:
        file.write(b"\0" * BLOCK)
        file.flush()
    return shutil.disk_usage(standing).free


def _away(root: str, needed: int) -> str | None:
    """Why a running trial cannot save there; of a URL only whether it can be listed."""
    try:
        if "://" not in root and (free := _free(Path(root).expanduser())) < needed:
            return f"{root} has {_size(free)} free, and a running trial saves up to {_size(needed)}"
        open_place(root, "check").entries()
    except Exception as error:  # noqa: BLE001 - each storage's library has errors of its own
        return f"{root} cannot be used: {first_line(error)}"
    return None


def _size(number: int) -> str:
    return f"{number / GIB:.1f} GiB" if number >= GIB / 10 else f"{number / 1024**2:.0f} MiB"
