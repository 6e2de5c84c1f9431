"""Where a trial's checkpoints lie: OUTPUT/STUDY-KEY/trial_00007, whatever the study is called."""

import hashlib
import re
from pathlib import PurePath
from typing import TypeVar

from hpo.run_names import study_digest

P = TypeVar("P", bound=PurePath)
UNSAFE = re.compile(r"[^\w.\- ]|^\.+$")
LONGEST = 200  # bytes; file systems take 255


def study_folder(study: str, key: str | None) -> str:
    """The name of the study's folder under every root; none leads out of it.

    `key`: the study's own, since two databases may each have a study of that name. None is for a
    study made before there were such folders: its models lie in one that is named like it.
    """
    plain = UNSAFE.sub("_", study)[:80].encode()[:LONGEST].decode(errors="ignore")
    if key is not None:
        return f"{plain}-{study_digest(study, key)}"
    return plain if plain == study else f"{plain}-{hashlib.sha256(study.encode()).hexdigest()[:8]}"


def trial_folder(place: P, number: int) -> P:
    """The folder of one trial in its study's, which is `place`."""
    return place / f"trial_{number:05d}"
