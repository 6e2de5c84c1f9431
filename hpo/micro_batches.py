"""The batch sizes that fit into memory, remembered in the study for all its workers.

Each find is a study attribute of its own, and the smallest counts. So nothing is ever
overwritten: whoever writes at the same time can only lower the size.
"""

import hashlib
from dataclasses import dataclass

from storage.trial_cache import TrialCache

PREFIX = "hpo:micro_batch"
DIGITS = 16  # hex digits of the key's hash; attribute names are short


@dataclass(frozen=True)
class StudyMicroBatches:
    """The sizes that this study's trainings found; implements trainer's MicroBatches."""

    storage: TrialCache
    study_id: int

    def known(self, key: str) -> int | None:
        """Return the smallest size found for the key; None where nobody has found one."""
        start = _name(key)
        attributes = self.storage.find_study_attrs(self.study_id, start)
        sizes = (int(name[len(start) :]) for name in attributes)
        return min(sizes, default=None)

    def found(self, key: str, size: int) -> None:
        """Remember a size; the key is kept beside it, for people."""
        self.storage.set_study_system_attr(self.study_id, f"{_name(key)}{size}", key)


def _name(key: str) -> str:
    digest = hashlib.sha256(key.encode()).hexdigest()[:DIGITS]
    return f"{PREFIX}:{digest}:"
