"""`python -m benchmarks.trial`: one training with its evaluations, ours and the guide's."""

import argparse
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks import sigterm
from benchmarks.architectures import KOBART, STAND_IN
from benchmarks.permutation import chance_of_gap
from benchmarks.ratios import interleaved, machine
from benchmarks.trial import ours
from benchmarks.trial.padding import padding_waste
from benchmarks.trial.recipe import Recipe
from benchmarks.trial.report import (
    OURS,
    best_values,
    difference,
    parts,
    quality,
    times,
)
from benchmarks.trial.task import (
    SAMPLE_DATA,
    SAMPLE_MODEL,
    Size,
    Source,
    Task,
)
from benchmarks.trial.trained import Trained
from benchmarks.trial.utilisation import utilisation

PEERS = ("the recipe", "the recipe, hyperparameter_search")
CPU_SIZE = Size(48, 10, epochs=2, learning_rate=1e-3, architecture=STAND_IN)
GPU_SIZE = Size(None, None, epochs=3, learning_rate=5e-5, architecture=KOBART)
QUICK = {"train_rows": 32, "dev_rows": 6, "epochs": 1}


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print, and remove what was written."""
    given = _arguments().parse_args(words)
    folder = Path(tempfile.mkdtemp(prefix="hpo-bench-trial-"))
    try:
        _compare(given, Source(given.data, given.tokenizer, folder, given.threads))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compare(given: argparse.Namespace, source: Source) -> None:
    size = _size(given)
    print(machine())
    print(f"{size.train_rows or 'all'} dialogues to train on, {size.dev_rows or 'all'} to score,")
    print(f"{size.epochs} epochs, {given.threads} CPU threads for each cell", flush=True)
    task = Task(source, size, seed=0)
    waste = padding_waste(task.config, task.session)
    print(f"padding: {waste.encoder:.1%} of the encoder's positions, {waste.whole:.1%} of all")
    peers = PEERS[:1] if given.one_peer else PEERS
    runs: dict[str, list[Trained]] = {name: [] for name in (OURS, *peers)}
    cells = {name: _cell(name, source, size, runs) for name in runs}
    rounds = given.rounds or (1 if given.quick else 3)
    interleaved(cells, at_least=rounds, at_most=1 if given.quick else max(rounds, given.at_most))
    print(times(runs), parts(runs), quality(runs), sep="\n\n")
    for peer in peers:
        gap, error = difference(runs, peer)
        chance = chance_of_gap(best_values(runs[OURS]), best_values(runs[peer]))
        print(f"hpo less {peer}: {gap:+.4f}, standard error {error:.4f}, by chance {chance:.3f}")
    print(utilisation(task))


def _size(given: argparse.Namespace) -> Size:
    size = GPU_SIZE if torch.cuda.is_available() else CPU_SIZE
    named = ("train_rows", "dev_rows", "epochs", "learning_rate", "batch", "longest")
    wanted = {name: getattr(given, name) for name in named}
    changed = {name: value for name, value in wanted.items() if value is not None}
    return replace(size, **((QUICK if given.quick else {}) | changed))


def _cell(
    name: str, source: Source, size: Size, runs: dict[str, list[Trained]]
) -> Callable[[], float]:
    """Return what trains once with the round's number as seed, and gives its seconds."""

    def measure() -> float:
        task = Task(source, size, seed=len(runs[name]))
        task.session  # noqa: B018  # texts and weights are read before the clock starts
        if name == OURS:
            trained = ours.train(task)
        else:
            recipe = Recipe(task)
            trained = recipe.by_train() if name == PEERS[0] else recipe.by_search()
        runs[name].append(trained)
        shutil.rmtree(task.folder / "recipe", ignore_errors=True)
        print(f"  {name}, seed {task.seed}: {trained.cpu_seconds:.1f} CPU s", flush=True)
        return trained.seconds if torch.cuda.is_available() else trained.cpu_seconds

    return measure


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trial", description=__doc__)
    parser.add_argument("--data", default=SAMPLE_DATA, help="folder with train and dev")
    parser.add_argument("--tokenizer", default=SAMPLE_MODEL, help="folder of a KoBART tokenizer")
    parser.add_argument("--quick", action="store_true", help="a minute: one round, few rows")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each cell")
    parser.add_argument("--rounds", type=int, help="at least so many rounds, a seed each")
    parser.add_argument("--at-most", type=int, default=8, help="rounds, however wide the spread")
    parser.add_argument("--one-peer", action="store_true", help="without hyperparameter_search")
    parser.add_argument("--train-rows", type=int)
    parser.add_argument("--dev-rows", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--batch", type=int)
    parser.add_argument(
        "--longest",
        type=int,
        nargs=2,
        metavar="TOKENS",
        help="of a dialogue and of a summary, for comparing ROUGE alone: the recipe pads to them",
    )
    return parser


if __name__ == "__main__":
    sigterm.ends_cleanly()
    main()
