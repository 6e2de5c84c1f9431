"""`python -m benchmarks.per_gpu`: trials an hour with several trials at once on a card."""

import argparse
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks import sigterm
from benchmarks.architectures import KOBART, STAND_IN
from benchmarks.per_gpu.report import Runs, table, verdict
from benchmarks.per_gpu.search import Found, rates, run, searched
from benchmarks.ratios import interleaved, machine
from benchmarks.trial.task import (
    SAMPLE_DATA,
    SAMPLE_MODEL,
    Size,
    Source,
    settings,
    subset,
)
from trainer.cores import cores

CPU_SIZE = Size(48, 8, epochs=1, learning_rate=1e-3, architecture=STAND_IN)
GPU_SIZE = Size(1024, 128, epochs=2, learning_rate=5e-5, architecture=KOBART)
QUICK_SIZE = Size(16, 4, epochs=1, learning_rate=1e-3, architecture=STAND_IN)
GPU_COUNTS, TRIALS = (1, 2, 3, 4), 12  # which all of these divide
CPU_TRIALS, QUICK_TRIALS = 4, 2


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and remove what was written."""
    parser = _arguments()
    given = parser.parse_args(words)
    if given.at_once and 1 not in given.at_once:
        parser.error("--at-once: 1 has to be among them, which the others are compared with")
    folder = Path(tempfile.mkdtemp(prefix="hpo-bench-per-gpu-"))
    try:
        _compare(given, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compare(given: argparse.Namespace, folder: Path) -> None:
    on_gpu = torch.cuda.is_available()
    search = _search(given, folder, on_gpu=on_gpu)
    counts = given.at_once or (GPU_COUNTS if on_gpu else range(1, min(4, cores()) + 1))
    print(machine(), flush=True)
    runs: dict[int, list[Found]] = {count: [] for count in counts}
    cells = {str(count): _cell(search, folder, count, runs, given) for count in counts}
    rounds = 1 if given.quick else given.rounds
    interleaved(cells, at_least=rounds, at_most=max(rounds, 1 if given.quick else given.at_most))
    print(table(runs), verdict(runs, on_gpu=on_gpu), *_said(runs), sep="\n")
    if given.auto:
        words = ["--per-gpu", "auto", *_passed_on(given)]
        print(*run(search, folder, words).said, sep="\n")


def _search(given: argparse.Namespace, folder: Path, *, on_gpu: bool) -> dict[str, Any]:
    size = _size(given, on_gpu=on_gpu)
    trials = given.trials or (QUICK_TRIALS if given.quick else TRIALS if on_gpu else CPU_TRIALS)
    source = Source(given.data, given.tokenizer, folder, given.threads)
    whole = settings(source, size, seed=0, data=subset(source, size))
    return searched(whole, rates(trials, middle=size.learning_rate))


def _size(given: argparse.Namespace, *, on_gpu: bool) -> Size:
    size = QUICK_SIZE if given.quick else GPU_SIZE if on_gpu else CPU_SIZE
    wanted = {name: getattr(given, name) for name in ("train_rows", "dev_rows", "epochs")}
    return replace(size, **{name: value for name, value in wanted.items() if value is not None})


def _cell(
    search: dict[str, Any],
    folder: Path,
    count: int,
    runs: dict[int, list[Found]],
    given: argparse.Namespace,
) -> Callable[[], float]:
    def measure() -> float:
        result = run(search, folder, ["--per-gpu", str(count), *_passed_on(given)])
        runs[count].append(result)
        print(f"  {count} at once: {result.an_hour:.1f} trials an hour", flush=True)
        return result.an_hour

    return measure


def _passed_on(given: argparse.Namespace) -> list[str]:
    return ["--threads", str(given.threads), *(["--no-mps"] * given.no_mps)]


def _said(runs: Runs) -> list[str]:
    """Return what was said about MPS, each line once."""
    return list(dict.fromkeys(line for each in runs.values() for one in each for line in one.said))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.per_gpu", description=__doc__)
    parser.add_argument("--data", default=SAMPLE_DATA, help="folder with train and dev")
    parser.add_argument("--tokenizer", default=SAMPLE_MODEL, help="folder of a KoBART tokenizer")
    parser.add_argument("--quick", action="store_true", help="a minute: one round, two tiny trials")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each worker")
    parser.add_argument("--rounds", type=int, default=3, help="at least so many")
    parser.add_argument("--at-most", type=int, default=6, help="rounds, however wide the spread")
    parser.add_argument("--at-once", type=int, nargs="+", metavar="K", help="1 and others")
    parser.add_argument("--trials", type=int, help="of a run; each K should divide it")
    parser.add_argument("--train-rows", type=int)
    parser.add_argument("--dev-rows", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--no-mps", action="store_true", help="without CUDA's service")
    parser.add_argument("--auto", action="store_true", help="also say what --per-gpu auto chooses")
    return parser


if __name__ == "__main__":
    sigterm.ends_cleanly()
    main()
