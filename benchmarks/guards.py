"""What must stay fast, as ratios with generous bounds, in a minute or two: part of `make check`.

No time is a bound: a ratio of two measured one after the other holds on any machine. A guard that
fails is measured again, twice; its best counts, so that a machine's bad moment fails nobody.
"""

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import optuna

from benchmarks.storage.growth import FEWEST, MOST, growths
from benchmarks.storage.workers import ASK, REPORT
from benchmarks.trial.padding import padding_waste
from benchmarks.turnover.cells import Cell, fresh, ours
from benchmarks.turnover.material import Material
from benchmarks.turnover.processes import run
from config.load import load
from trainer.data import locate_data
from trainer.session import TrainingSession

TRIES = 3
TRIALS = 3  # of one turnover's measurement


@dataclass(frozen=True)
class Guard:
    """A ratio that must stay below a bound; `mend` says where to look when it does not."""

    name: str
    measure: Callable[[], float]
    bound: float
    mend: str


@dataclass(frozen=True)
class Found:
    """What a guard found: the best of its tries."""

    guard: Guard
    value: float

    @property
    def ok(self) -> bool:
        """Whether the bound holds."""
        return self.value <= self.guard.bound

    def __str__(self) -> str:
        """Give it in one line, with the mend where it failed."""
        guard, word = self.guard, "ok    " if self.ok else "FAILED"
        line = f"{word} {guard.name:56s} {self.value:7.3f}  at most {guard.bound:g}"
        return line if self.ok else f"{line}; {guard.mend}"


def tried(guard: Guard, *, tries: int = TRIES) -> Found:
    """Measure until the bound holds, `tries` times at most."""
    best = float("inf")
    for _ in range(tries):
        best = min(best, guard.measure())
        if best <= guard.bound:
            break
        _growths.cache_clear()
    return Found(guard, best)


def main(guards: Sequence[Guard]) -> int:
    """Print a line for each guard; 1 where one failed."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    failed = False
    for guard in guards:
        found = tried(guard)
        print(found, flush=True)
        failed |= not found.ok
    return int(failed)


def waste() -> float:
    """Return the share of padding in an epoch of the demo: its data, its batch size."""
    config = load("demo", environ={})
    with TemporaryDirectory() as folder:
        session = TrainingSession(locate_data(config.general.data_path), Path(folder))
        return padding_waste(config, session).whole


def turnover() -> float:
    """Return our CPU time from a trial's end to the next one's first step, over a fresh process."""
    with TemporaryDirectory() as folder:
        Material.make("d128", Path(folder))
        mine, peer = Cell(), Cell()
        ours(mine, Path(folder), TRIALS)
        fresh(peer, Path(folder))
    return mine.cpu[0] / peer.cpu[0]


def worker_imports() -> float:
    """Return the CPU time of a worker's imports, over those of torch and transformers alone."""
    bare = "import torch; from transformers import BartForConditionalGeneration, Seq2SeqTrainer"
    return _cpu("import hpo.launch") / _cpu(bare)


def help_shown() -> float:
    """Return the CPU time of `hpo --help`, over that of a Python that does nothing."""
    shown = statistics.median(run([sys.executable, "-m", "hpo", "--help"]).cpu for _ in range(3))
    return shown / statistics.median(_cpu("pass") for _ in range(3))


def growth(call: str) -> float:
    """Return how much longer a worker's call takes among MOST trials than among FEWEST."""
    return _growths()[call]


GUARDS = (
    Guard(
        "padding in training batches, of all positions",
        waste,
        0.12,
        "see trainer/batches.py: batches group examples of similar length",
    ),
    Guard(
        "from trial to trial, over a fresh process (CPU)",
        turnover,
        0.08,
        "make bench-turnover shows what a trial waits for; see trainer/session.py, hpo/chores.py",
    ),
    Guard(
        "a worker's imports, over torch and transformers (CPU)",
        worker_imports,
        1.8,
        "python -X importtime -c 'import hpo.launch' shows what was added; import it where needed",
    ),
    Guard(
        "hpo --help, over a Python that does nothing (CPU)",
        help_shown,
        8.0,
        "python -X importtime -m hpo --help shows what was added; commands import inside",
    ),
    *(
        Guard(
            f"{call} among {MOST} trials, over among {FEWEST}",
            lambda call=call: growth(call),  # type: ignore[misc]
            bound,
            "make bench-storage shows it by call; a call must not read every trial again",
        )
        for call, bound in ((ASK, 6.0), (REPORT, 4.0))
    ),
)


def _cpu(code: str) -> float:
    return run([sys.executable, "-c", code]).cpu


@cache
def _growths() -> dict[str, float]:
    with TemporaryDirectory() as folder:
        return growths(Path(folder))


if __name__ == "__main__":
    sys.exit(main(GUARDS))
