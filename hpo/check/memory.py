"""Whether the largest configuration of the search space fits into memory."""

from dataclasses import dataclass
from typing import Any

from config.counting import counted
from config.schema import Configuration
from hpo.check.finding import Finding, Level
from hpo.check.model import parameters_of
from hpo.check.subject import Subject
from hpo.check.trying import tried, why_not
from hpo.largest import largest
from trainer.device import precision_of
from trainer.device_memory import main_memory_free
from trainer.memory_estimate import Estimate, Size, estimate

NAME = "memory"
GIB = 1024**3
MARGIN = 0.9  # of what is free
SMALLER = "lower batch size or lengths, or set training.gradient_checkpointing"


@dataclass(frozen=True)
class Free:
    """Where trainings take their memory, and how much is free there; None: nobody tells."""

    where: str
    free: int | None


def look_at_memory(subject: Subject) -> Finding:
    """Reckon, and try where that was asked for."""
    config = largest(subject.config)
    free = free_memory(subject)
    reckoned = estimate(config, size_of(subject, config))
    if not subject.asked.trying:
        return estimated(config, reckoned, free)
    reason = why_not(subject)
    if free.free is not None and reckoned.least > free.free:
        reason = "it would not fit"
    if reason is None:
        return measured(config, free, tried(config, "memory"))
    found = estimated(config, reckoned, free)
    level: Level = "failure" if found.level == "failure" else "warning"
    return Finding(NAME, level, f"{found.text}; not tried: {reason}", found.mend)


def free_memory(subject: Subject) -> Free:
    """What is free where a training here would run: on the card with the least, or beside it."""
    cards = subject.cards.get()
    if not cards:
        return Free("in main memory", main_memory_free())
    return Free("on the GPU", min(card.total if card.free is None else card.free for card in cards))


def size_of(subject: Subject, config: Configuration) -> Size:
    """The model and the longest texts, cut as configured."""
    dialogues, summaries = subject.token_lengths.get()
    bart, cards = subject.model.get(), subject.cards.get()
    tokens = len(subject.tokenizer.get())
    wanted = config.training.precision
    half = any(
        precision_of(wanted, card=card.name, capability=card.capability).name != "fp32"
        for card in cards
    )
    return Size(
        bart=bart,
        parameters=parameters_of(bart, tokens),
        inputs=min(config.model.max_encoder_length, max(dialogues)),
        targets=min(config.model.max_decoder_length, max(summaries)),
        half=half,
        cuda=bool(cards),
    )


def estimated(config: Configuration, reckoned: Estimate, free: Free) -> Finding:
    """Compare what was reckoned with what is free."""
    text = f"{_what(config)} takes about {_gib(reckoned.peak)} (estimate)"
    if free.free is None:
        return Finding(NAME, "warning", f"{text}; what is free is not known", "--try tells")
    text += f" of {_gib(free.free)} free {free.where}"
    if reckoned.least > free.free:
        text += f", and not even one example at a time ({_gib(reckoned.least)}) fits"
        return Finding(NAME, "failure", text, SMALLER)
    if reckoned.peak > MARGIN * free.free:
        text += ": its batches may go through the model in pieces, which takes longer"
        return Finding(NAME, "warning", text, f"{SMALLER}; --try tells for sure")
    return Finding(NAME, "ok", text)


def measured(config: Configuration, free: Free, found: dict[str, Any]) -> Finding:
    """Say what was measured, and whether batches had to be cut."""
    used = found["main"] if found["card"] is None else found["card"]
    took = "an unknown part" if used is None else _gib(used)
    text = f"{_what(config)} takes {took} (measured: two steps and an evaluation, longest texts)"
    if free.free is not None:
        text += f" of {_gib(free.free)} free {free.where}"
    if found["at_once"] is not None:
        text += f", with at most {found['at_once']} at once"
        return Finding(NAME, "warning", text, f"for whole batches, {SMALLER}")
    return Finding(NAME, "ok", text)


def _what(config: Configuration) -> str:
    training, model = config.training, config.model
    return (
        f"the largest configuration (batch {training.per_device_train_batch_size},"
        f" {model.max_encoder_length}/{model.max_decoder_length} tokens, evaluation"
        f" {training.per_device_eval_batch_size} x {counted(config.generation.num_beams, 'beam')})"
    )


def _gib(number: int) -> str:
    return f"{number / GIB:.1f} GiB"
