"""Language models that were given the same dev set, beside the search's best."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.counting import counted
from hpo.report.document import Block, Table, Text

ATTRIBUTE = "hpo:baseline:"  # of the study, and the model's name: what `hpo baseline` keeps


@dataclass(frozen=True)
class Yardstick:
    """A model's score; `cost` None where no prices were given."""

    model: str
    metric: str
    value: float
    dialogues: int
    examples: int
    cost: float | None


def yardsticks(attributes: Mapping[str, Any]) -> tuple[Yardstick, ...]:
    """Those that the study's user attributes hold, the best first; what is none is passed over."""
    kept = (values for key, values in attributes.items() if key.startswith(ATTRIBUTE))
    found = [one for values in kept if (one := _read(values)) is not None]
    return tuple(sorted(found, key=lambda one: -one.value))


def beside(found: tuple[Yardstick, ...], *, metric: str, best: float | None) -> list[Block]:
    """A line for each model, with how far the search's best is from it."""
    shown = [one for one in found if one.metric == metric]
    if not shown:
        return []
    rows = tuple(
        (
            one.model,
            f"{one.value:.4f}",
            "" if best is None else f"{best - one.value:+.4f}",
            _asked(one),
            "" if one.cost is None else f"{one.cost:.4g}",
        )
        for one in shown
    )
    head = ("language model", metric, "search's best against it", "asked", "cost")
    return [Text("The same dev set, summarized by a language model:"), Table(head, rows)]


def _read(values: object) -> Yardstick | None:
    try:
        given: Mapping[str, Any] = dict(values)  # type: ignore[call-overload]  # anything may stand there
        cost = given.get("cost")
        return Yardstick(
            model=str(given["model"]),
            metric=str(given["metric"]),
            value=float(given["value"]),
            dialogues=int(given["dialogues"]),
            examples=int(given["examples"]),
            cost=None if cost is None else float(cost),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _asked(one: Yardstick) -> str:
    dialogues, examples = counted(one.dialogues, "dialogue"), counted(one.examples, "example")
    return f"{dialogues}, {examples} in the prompt"
