"""What must stay fast, as ratios with generous bounds, in a minute or two: part of `make check`.

No time is a bound: a ratio of two measured turn about holds on any machine. A guard that fails is
measured again, twice, and the least of all rounds counts on either side.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import optuna

from benchmarks.guard import Guard, Rounds, Sides, tried
from benchmarks.storage.growth import FEWEST, MOST, seconds_of_calls
from benchmarks.storage.workers import ASK, REPORT
from benchmarks.trial.padding import padding_waste
from benchmarks.turnover.cells import Cell, fresh, ours
from benchmarks.turnover.material import Material
from benchmarks.turnover.processes import Ran, run
from config.load import load
from trainer.data import locate_data
from trainer.session import TrainingSession

TRIALS = 6  # of one turnover's measurement
CLOCK, CPU, MODULES = "clock", "CPU", "modules"
ONLY = "only"
BARE = "import torch; from transformers import BartForConditionalGeneration, Seq2SeqTrainer"


def main(guards: Sequence[Guard]) -> int:
    """Print a line for each guard; 1 where one failed."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    failed = False
    for guard in guards:
        found = tried(guard)
        print(found, flush=True)
        failed |= not found.ok
    return int(failed)


def waste() -> dict[str, Sides]:
    """Return the share of padding in an epoch of the demo: its data, its batch size."""
    config = load("demo", environ={})
    with TemporaryDirectory() as folder:
        session = TrainingSession(locate_data(config.general.data_path), Path(folder))
        return {ONLY: (padding_waste(config, session).whole, 1.0)}


def turnover() -> dict[str, Sides]:
    """Return what lies between a trial's end and the next one's first step, and a fresh process.

    Ours is told by the clock, which sees what is waited for, and in CPU time; the peer in CPU time,
    for other work makes its seconds twice as many, and a loss of ours would hide behind them.
    """
    mine, peer = Cell(), Cell()
    with TemporaryDirectory() as folder:
        Material.make("d128", Path(folder))
        fresh(peer, Path(folder))
        ours(mine, Path(folder), TRIALS)
    return {CLOCK: (mine.step[0], peer.cpu[0]), CPU: (mine.cpu[0], peer.cpu[0])}


def worker_imports() -> dict[str, Sides]:
    """Return a worker's imports, and those of torch and transformers alone: CPU time, and modules.

    Their number is the same at every run, where other work makes the time half as much again.
    """
    bare = _imports(BARE)  # first: it has to read torch from the disk where nobody did before
    mine = _imports("import hpo.launch")
    return {CPU: (mine.cpu, bare.cpu), MODULES: (mine.told, bare.told)}


def help_shown() -> dict[str, Sides]:
    """Return the CPU time of `hpo --help`, and that of a Python that does nothing."""
    nothing = _cpu("-c", "pass")
    return {ONLY: (_cpu("-m", "hpo", "--help"), nothing)}


def growth() -> dict[str, Sides]:
    """Return how long a worker's calls take among MOST trials, and among FEWEST."""
    with TemporaryDirectory() as folder:
        return seconds_of_calls(Path(folder))


def _cpu(*arguments: str) -> float:
    return run([sys.executable, *arguments]).cpu


def _imports(code: str) -> Ran:
    return run([sys.executable, "-c", f"{code}; import sys; print(len(sys.modules))"])


TURNOVER, IMPORTS, GROWTH = Rounds(turnover), Rounds(worker_imports), Rounds(growth)
GUARDS = (
    Guard(
        "padding in training batches, of all positions",
        Rounds(waste),
        ONLY,
        bound=0.12,
        mend="see trainer/batches.py: batches group examples of similar length",
    ),
    *(
        Guard(
            f"from trial to trial ({figure}), over a fresh process (CPU)",
            TURNOVER,
            figure,
            bound=bound,
            mend="make bench-turnover shows what a trial waits for; see trainer/session.py,"
            " hpo/chores.py",
        )
        for figure, bound in ((CLOCK, 0.06), (CPU, 0.04))
    ),
    *(
        Guard(
            f"a worker's imports, over torch and transformers ({figure})",
            IMPORTS,
            figure,
            bound=bound,
            mend="python -X importtime -c 'import hpo.launch' shows what was added;"
            " import it where needed",
        )
        for figure, bound in ((CPU, 1.8), (MODULES, 1.3))
    ),
    Guard(
        "hpo --help, over a Python that does nothing (CPU)",
        Rounds(help_shown),
        ONLY,
        bound=8.0,
        mend="python -X importtime -m hpo --help shows what was added; commands import inside",
        at_least=3,
    ),
    *(
        Guard(
            f"{call} among {MOST} trials, over among {FEWEST}",
            GROWTH,
            call,
            bound=bound,
            mend="make bench-storage shows it by call; a call must not read every trial again",
        )
        for call, bound in ((ASK, 2.5), (REPORT, 3.0))
    ),
)


if __name__ == "__main__":
    sys.exit(main(GUARDS))
