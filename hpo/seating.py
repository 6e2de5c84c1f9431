"""From what was typed to the seats of a fleet: MPS for shared cards, and auto's measurement."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from config.schema import Configuration
from hpo.auto_per_gpu import choose
from hpo.bursts import Bursts
from hpo.mps import multi_process_service
from hpo.seats import THREADS, Seat, seats, threads_each
from hpo.stop import StopRequest
from hpo.worker_signals import die_of, worker_signals
from trainer.cores import cores

LOOK = (sys.executable, "-m", "hpo.look", "cuda")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """The cards (none: the CPU), how many workers on each (None: to be measured), and whether MPS.

    `threads` for each worker; None divides the cores.
    """

    gpus: tuple[str, ...]
    per_gpu: int | None = 1
    mps: bool = True
    threads: int | None = None


@contextmanager
def seated(
    wanted: Wanted,
    config: Callable[[], Configuration],
    *,
    environ: Mapping[str, str],
    say: Say,
) -> Iterator[tuple[Seat, ...]]:
    """Give the seats; what they stand on is put away behind.

    `config` is called where it has to be measured. Raises HpoError where that fails, AskedToStop
    where a signal came meanwhile.
    """
    with (
        TemporaryDirectory(prefix="hpo-cards-", ignore_cleanup_errors=True) as folder,
        _service(wanted, environ, Path(folder), say) as service,
    ):
        per_gpu = wanted.per_gpu
        if per_gpu is None:
            per_gpu = _measured(wanted, config(), {**environ, **service}, say)
        found = seats(wanted.gpus, per_gpu, environ=environ, locks=Path(folder))
        if per_gpu > 1:
            found = tuple(replace(s, environ={**s.environ, **service}) for s in found)
        yield found


@contextmanager
def _service(
    wanted: Wanted, environ: Mapping[str, str], folder: Path, say: Say
) -> Iterator[Mapping[str, str]]:
    """MPS, where several processes are to use one card."""
    if not wanted.gpus or wanted.per_gpu == 1 or not wanted.mps:
        yield {}
    else:
        first = _first(wanted, environ)
        with multi_process_service(first, folder=folder, trial=LOOK, say=say) as variables:
            yield variables


def _measured(wanted: Wanted, config: Configuration, environ: Mapping[str, str], say: Say) -> int:
    cards = max(1, len(wanted.gpus))

    def threads(workers: int) -> int:
        return wanted.threads or threads_each(cards * workers, environ)

    stop = StopRequest()
    with (
        worker_signals(first=stop.set, second=die_of),
        Bursts(config, _first(wanted, environ), stop) as bursts,
    ):
        say("per-gpu auto: measuring (a minute or two; --per-gpu K does without)")
        choice = choose(config, bursts, threads=threads, cores=max(1, cores() // cards))
    say(f"per-gpu auto: {choice.reason}")
    return choice.workers


def _first(wanted: Wanted, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which the first of the cards is seen: the others count as its like."""
    (seat, *_) = seats(wanted.gpus, 1, environ=environ, locks=Path())
    return {**environ, **{name: v for name, v in seat.environ.items() if name != THREADS}}
