"""The seats for workers on this machine: one on each card, or several, each with its share."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.errors import HpoError, WrongInput
from hpo.share import Share
from trainer.cores import cores

NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")  # 00 would be another name for GPU 0
CPU = "cpu"
THREADS = "OMP_NUM_THREADS"


@dataclass(frozen=True)
class Seat:
    """A place for one worker: what its lines begin with, and its part of the environment."""

    label: str
    environ: Mapping[str, str]


def chosen_gpus(wanted: str | None, *, available: int) -> tuple[str, ...]:
    """`all` or `0,2` as GPU numbers; None is the one that a worker by itself would take, if any.

    WrongInput for other words, HpoError for a GPU that is not.
    """
    if wanted is None:
        return ("0",) if available else ()
    numbers = [part.strip() for part in wanted.split(",")]
    if wanted != "all" and not all(NUMBER.fullmatch(part) for part in numbers):
        raise WrongInput(f"--gpus {wanted}: write all, or numbers such as 0,2")
    if len(set(numbers)) < len(numbers):
        raise WrongInput(f"--gpus {wanted}: a GPU is named twice; use each once")
    if available == 0:
        raise HpoError(
            f"--gpus {wanted}: no CUDA device can be used here; leave --gpus out, or"
            " see what hpo check says of it"
        )
    if wanted == "all":
        return tuple(str(number) for number in range(available))
    wrong = [part for part in numbers if int(part) >= available]
    if wrong:
        raise HpoError(
            f"--gpus {wanted}: no GPU {wrong[0]!r}; this machine has 0 to {available - 1}"
        )
    return tuple(numbers)


def visible_device(gpu: str, environ: Mapping[str, str]) -> str:
    """The CUDA_VISIBLE_DEVICES entry of our GPU number, where the scheduler gave us only some."""
    given = environ.get("CUDA_VISIBLE_DEVICES")
    return given.split(",")[int(gpu)].strip() if given else gpu


def seats(
    gpus: Sequence[str], per_gpu: int, *, environ: Mapping[str, str], locks: Path
) -> tuple[Seat, ...]:
    """`per_gpu` seats on each of these GPUs, or on the CPU where there are none.

    `locks` is a folder of this machine's own, for the files by which workers on one card agree.
    The CPU's threads are divided among all seats, unless OMP_NUM_THREADS says how many each has.
    """
    cards = gpus or (CPU,)
    return tuple(
        Seat(
            _label(card, number, per_gpu),
            {
                **_threads(len(cards) * per_gpu, environ),
                **_card(card, environ),
                **_share(card, per_gpu, locks),
            },
        )
        for card in cards
        for number in range(1, per_gpu + 1)
    )


def threads_each(workers: int, environ: Mapping[str, str]) -> int:
    """CPU threads for each of so many workers: what OMP_NUM_THREADS says, else its part."""
    given = environ.get(THREADS, "")
    return int(given) if NUMBER.fullmatch(given) and given != "0" else max(1, cores() // workers)


def _label(card: str, number: int, per_gpu: int) -> str:
    name = card if card == CPU else f"gpu{card}"
    return name if per_gpu == 1 else f"{name}.{number}"


def _threads(workers: int, environ: Mapping[str, str]) -> dict[str, str]:
    if workers == 1 or THREADS in environ:
        return {}
    return {THREADS: str(threads_each(workers, environ))}


def _card(card: str, environ: Mapping[str, str]) -> dict[str, str]:
    return {} if card == CPU else {"CUDA_VISIBLE_DEVICES": visible_device(card, environ)}


def _share(card: str, per_gpu: int, locks: Path) -> dict[str, str]:
    return {} if per_gpu == 1 else Share(per_gpu, str(locks / card)).as_environment()
