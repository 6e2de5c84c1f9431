"""What a training here would run on, and whether it is free."""

from collections.abc import Mapping, Sequence

import torch

from hpo.check.cards import Card, Listed, why_none
from hpo.check.finding import Finding
from hpo.check.subject import Subject
from trainer.cores import cores
from trainer.device import cpu_precision, has_amx, precision_of, without_kernels

NAME = "device"
GIB = 1024**3
IN_USE = 1 * GIB
"""What the driver itself, or a screen, may take of a card that is free."""
SETUP = "see docs/setup.md, A GPU host"


def look_at_device(subject: Subject) -> Finding:
    """Look at the cards without using one."""
    known = subject.listed.get()
    wanted = "auto" if subject.chosen.failed else subject.config.training.precision
    return device_finding(subject.cards.get(), known, wanted=wanted)


def device_finding(cards: Sequence[Card], known: Mapping[str, Listed], *, wanted: str) -> Finding:
    """Say what there is; a card that torch cannot use is a failure, none at all a warning."""
    if cards:
        return _cards(cards, wanted)
    if known:
        there = next(iter(known.values()))
        text = f"{there.name} is there (driver {there.driver}), but torch {torch.__version__}"
        return Finding(NAME, "failure", f"{text} cannot use it: {why_none()}", SETUP)
    precision = cpu_precision(wanted, has_amx=has_amx())
    return Finding(
        NAME,
        "warning",
        f"no GPU: trainings run in {precision.name} on {cores()} CPU cores",
        "enough for the demo; KoBART wants a GPU",
    )


def in_use(card: Card) -> bool:
    """Whether somebody else works on the card; False where nobody tells."""
    return card.free is not None and card.total - card.free > IN_USE


def _cards(cards: Sequence[Card], wanted: str) -> Finding:
    first = cards[0]
    built = torch.cuda.get_arch_list()
    for card in cards:
        if no_kernels := without_kernels(card.name, card.capability, built):
            return Finding(NAME, "failure", no_kernels, SETUP)
    precision = precision_of(wanted, card=first.name, capability=first.capability)
    text = (
        f"{', '.join(_told(card) for card in cards)}; driver {first.driver or 'unknown'}, CUDA"
        f" {torch.version.cuda} of torch {torch.__version__}; {precision.name}: {precision.reason}"
    )
    busy = [str(number) for number, card in enumerate(cards) if in_use(card)]
    if busy:
        mend = "see nvidia-smi; choose others with CUDA_VISIBLE_DEVICES or hpo worker --gpus"
        return Finding(NAME, "warning", f"{text}; in use: GPU {', '.join(busy)}", mend)
    return Finding(NAME, "ok", text)


def _told(card: Card) -> str:
    free = "" if card.free is None else f"{card.free / GIB:.1f} of "
    return f"{card.name} ({free}{card.total / GIB:.1f} GiB{' free' * bool(free)})"
