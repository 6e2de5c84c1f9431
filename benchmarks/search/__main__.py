"""`python -m benchmarks.search`: pruners and samplers on recorded learning curves."""

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from benchmarks.ratios import machine
from benchmarks.search.cells import NOISY, PRUNING, SEARCHING, Cell, cells, measure
from benchmarks.search.curves import NoCurves, Task, load_recorded, load_text_rnn
from benchmarks.search.methods import (
    NO_PRUNING,
    OURS,
    find_peers,
    pruning_methods,
    search_methods,
)
from benchmarks.search.ours import PRESET, PRUNER, SAMPLER, preset_has
from benchmarks.search.report import report

TEXT_RNN = Path("text-rnn")
OWN = Path(__file__).parent / "curves" / "sample.json"
SLOW = "W&B bayes + hyperband"  # fits a Gaussian process for each trial: 10 to 15 s a search
BASELINES = ("no pruning", NO_PRUNING)  # what the others' figures are shares of
NOISY_METHODS = ("no pruning", "Optuna Median, defaults", "Optuna Hyperband, defaults", OURS)
WORKERS = (8, 1, 64)
SEEDS = {PRUNING: 20, NOISY: 20, SEARCHING: 20}
QUICK_SEEDS = {PRUNING: 3, NOISY: 2, SEARCHING: 2}


def main() -> None:
    """Replay the searches and print the tables."""
    given = _arguments()
    warnings.simplefilter("ignore")  # experimental parts of Optuna, and what the peers say
    print(f"machine (the figures do not depend on it): {machine()}")
    for line in find_peers(given.peers):
        print(line)
    print(f"the {PRESET} preset has the pruner {PRUNER.name}: {preset_has(PRUNER)},")
    print(f"the sampler {SAMPLER.name}: {preset_has(SAMPLER)}")
    tasks = _tasks(given.curves)
    seeds = QUICK_SEEDS if given.quick else SEEDS
    names: dict[str, Sequence[str]] = {
        PRUNING: list(pruning_methods()),
        NOISY: NOISY_METHODS,
        SEARCHING: list(search_methods()),
    }
    if given.quick:
        print(f"left out: {SLOW} (--quick)")
    wanted = cells(
        tasks,
        {kind: names[kind] for kind in given.kinds},
        workers=given.workers or (WORKERS[:1] if given.quick else WORKERS),
        seeds={kind: given.seeds or count for kind, count in seeds.items()},
    )
    wanted = (cell for cell in wanted if _asked_for(cell, given))
    rows = measure(wanted, tasks, given.rows, tell=lambda line: print(line, file=sys.stderr))
    for line in report(rows, tasks):
        print(line)


def _asked_for(cell: Cell, given: argparse.Namespace) -> bool:
    if given.methods and cell.method not in (*given.methods, *BASELINES):
        return False
    return cell.method != SLOW or not (given.quick or cell.workers != WORKERS[0])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few seeds, 8 workers")
    parser.add_argument(
        "--curves",
        type=Path,
        default=TEXT_RNN,
        help="folder of TaskSet's curves, if not text-rnn, or of small_tasks'",
    )
    parser.add_argument("--peers", type=Path, help="virtual environment with sweeps and ray[tune]")
    parser.add_argument("--rows", type=Path, help="file to keep searches in, and to go on from")
    parser.add_argument("--workers", type=int, nargs="+", help="numbers of workers")
    parser.add_argument("--seeds", type=int, help="seeds of each cell")
    parser.add_argument(
        "--methods", nargs="+", help="only these and the unpruned search, by their names"
    )
    parser.add_argument(
        "--kinds", nargs="+", choices=SEEDS, default=list(SEEDS), help="only these tables"
    )
    return parser.parse_args()


def _tasks(folder: Path) -> list[Task]:
    tasks: list[Task] = []
    try:
        tasks += load_text_rnn(folder)
    except NoCurves as error:
        print(f"left out: the folder's tasks ({error})")
    if OWN.exists():
        tasks.append(load_recorded(OWN))
    return tasks


if __name__ == "__main__":
    main()
