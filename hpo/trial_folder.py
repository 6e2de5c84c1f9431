"""Where a trial's checkpoints lie: OUTPUT/STUDY/trial_00007, whatever the study is called."""

import hashlib
import re
from pathlib import PurePath
from typing import TypeVar

P = TypeVar("P", bound=PurePath)
UNSAFE = re.compile(r"[^\w.\- ]|^\.+$")
LONGEST = 200  # bytes; file systems take 255


def study_folder(root: P, study: str) -> P:
    """The study's folder under `root`; a name that is no plain folder name gets a hash instead."""
    plain = UNSAFE.sub("_", study)[:80].encode()[:LONGEST].decode(errors="ignore")
    if plain != study:
        plain = f"{plain}-{hashlib.sha256(study.encode()).hexdigest()[:8]}"
    return root / plain


def trial_folder(root: P, study: str, number: int) -> P:
    """The folder of one trial of the study."""
    return study_folder(root, study) / f"trial_{number:05d}"
