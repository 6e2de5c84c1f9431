"""One summary from several models: by the mean of their logits, or by what their summaries share.

Logits are averaged inside one search, so the models must number their tokens alike; each still
gets the dialogue as it was trained to, cleaned and cut in its own way. Minimum Bayes risk takes
summaries of any models, and holds one model in memory at a time.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from config.counting import counted
from trainer.bayes_risk import least_risky
from trainer.data import Example, read_examples
from trainer.device import cpu_threads
from trainer.device_errors import device_errors_named
from trainer.errors import TrainerError
from trainer.generate import generate_several, special_ids
from trainer.member import Member, read_member
from trainer.micro_batch import FittingBatch
from trainer.search_rules import Rules
from trainer.submission import Prediction
from trainer.tokens import decode_all

Combination = Literal["logits", "mbr"]

log = logging.getLogger(__name__)


def predict_together(
    models: Sequence[Path],
    data: Path,
    *,
    combine: Combination,
    candidates: int = 1,
    batch_size: int | None = None,
    num_beams: int | None = None,
) -> list[Prediction]:
    """Return one summary for each dialogue of the file, in its order, from all models together.

    `candidates`: how many summaries each model gives for minimum Bayes risk, the best of its
    beams. `batch_size` and `num_beams` replace the settings'. Raises TrainerError for a folder
    without a model and for models that cannot be combined.
    """
    examples = read_examples(data, need_summary=False)
    if combine == "logits":
        members = [read_member(each, num_beams=num_beams) for each in models]
        summaries = averaged(members, examples, batch_size=batch_size)
    else:
        summaries = _agreed(
            models, examples, candidates=candidates, batch_size=batch_size, num_beams=num_beams
        )
    return [
        Prediction(example.fname, summary)
        for example, summary in zip(examples, summaries, strict=True)
    ]


def averaged(
    members: Sequence[Member], examples: Sequence[Example], *, batch_size: int | None = None
) -> list[str]:
    """Return the summaries that the mean of the members' logits gives; one member: its own.

    They search as the first one's settings say. Raises TrainerError where their tokens or special
    ids differ.
    """
    check_same_tokens(members)
    found = _searched(members, examples, batch_size=batch_size)
    return decode_all(members[0].tokenizer, [best for best, *_ in found])


def candidates_of(
    member: Member, examples: Sequence[Example], *, count: int, batch_size: int | None = None
) -> list[list[str]]:
    """Return for each example the `count` best summaries of a model's beams, the best first.

    Raises TrainerError where it has fewer beams than that.
    """
    beams = Rules.of(member.model.generation_config).beams
    if count > beams:
        raise TrainerError(
            f"{member.name} searches with {counted(beams, 'beam')}, which gives no"
            f" {count} candidates; say --num-beams {count} or more"
        )
    found = _searched([member], examples, batch_size=batch_size)
    return [decode_all(member.tokenizer, rows[:count]) for rows in found]


def check_same_tokens(members: Sequence[Member]) -> None:
    """Raise TrainerError unless all number their tokens alike; warn where one's search differs."""
    first, *others = members
    for other in others:
        if reason := _other_tokens(first, other):
            raise TrainerError(
                f"the logits of {first.name} and {other.name} cannot be averaged: {reason}; "
                "--combine mbr takes any models"
            )
        if differing := _other_search(first, other):
            log.warning(
                "%s was evaluated with another search (%s): all search as %s does",
                other.name,
                differing,
                first.name,
            )


def _agreed(
    models: Sequence[Path],
    examples: Sequence[Example],
    *,
    candidates: int,
    batch_size: int | None,
    num_beams: int | None,
) -> list[str]:
    metrics = []
    each: list[list[list[str]]] = []
    for folder in models:
        member = read_member(folder, num_beams=num_beams)
        metrics.append(member.config.metric)
        each.append(candidates_of(member, examples, count=candidates, batch_size=batch_size))
    pooled = [[text for texts in found for text in texts] for found in zip(*each, strict=True)]
    return least_risky(pooled, metric=metrics[0].name, tokenizer=metrics[0].tokenizer)


def _searched(
    members: Sequence[Member], examples: Sequence[Example], *, batch_size: int | None
) -> list[list[list[int]]]:
    first = members[0]
    batch = batch_size or min(
        member.config.training.per_device_eval_batch_size for member in members
    )
    with cpu_threads(first.config.general.cpu_threads), device_errors_named():
        return generate_several(
            [member.model for member in members],
            [member.rows(examples) for member in members],
            batch=FittingBatch.of(batch),
            precision=first.precision,
        )


def _other_tokens(first: Member, other: Member) -> str | None:
    """Return how their tokens differ, in words; None: they are the same."""
    sizes = [len(each.model.final_logits_bias[0]) for each in (first, other)]
    if sizes[0] != sizes[1]:
        return f"they have {sizes[0]} and {sizes[1]} tokens"
    if first.tokenizer.get_vocab() != other.tokenizer.get_vocab():
        return "their tokenizers number the tokens otherwise"
    ids = [special_ids(each.model) for each in (first, other)]
    for name in ids[0] | ids[1]:
        if ids[0].get(name) != ids[1].get(name):
            return f"{name} is {ids[0].get(name)} and {ids[1].get(name)}"
    return None


def _other_search(first: Member, other: Member) -> str:
    one, two = (asdict(Rules.of(each.model.generation_config)) for each in (first, other))
    return ", ".join(
        f"{name} {two[name]}, not {one[name]}" for name in one if one[name] != two[name]
    )
