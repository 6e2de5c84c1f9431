"""A baseline's result: a file of its own, and a line in the study for whoever shows the search."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import optuna

from storage.connect import Database

ATTRIBUTE = "hpo:baseline:"  # and the model's name


@dataclass(frozen=True)
class Baseline:
    """A language model's score on a dev set.

    value: of `metric`, from 0 to 1; scores: all four. Tokens are sums over all answers, of those
    that gave them; `uncounted` answers did not. `cost` is in the currency of the prices; None: no
    prices were given. `cut` answers hit the length limit.
    """

    model: str
    endpoint: str
    metric: str
    value: float
    scores: Mapping[str, float]
    dialogues: int
    examples: int
    prompt_tokens: int
    completion_tokens: int
    uncounted: int
    cost: float | None
    cut: int

    def as_mapping(self) -> dict[str, Any]:
        """Return it as files and databases keep it."""
        return asdict(self)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Read it back; raises TypeError or ValueError for what is none."""
        found = cls(**values)
        float(found.value), str(found.model)
        return found


def record(database: Database, study: str, baseline: Baseline) -> None:
    """Keep it with the study; another one of the same model takes its place."""
    study_id = database.storage.get_study_id_from_name(study)
    key = f"{ATTRIBUTE}{baseline.model}"
    database.storage.set_study_user_attr(study_id, key, baseline.as_mapping())


def baselines(study: optuna.Study) -> list[Baseline]:
    """Give the study's baselines, the best first; what cannot be read is passed over."""
    found = []
    for key, values in study.user_attrs.items():
        if not key.startswith(ATTRIBUTE):
            continue
        try:
            found.append(Baseline.from_mapping(values))
        except (TypeError, ValueError):  # another program may write there too
            continue
    return sorted(found, key=lambda each: -each.value)
