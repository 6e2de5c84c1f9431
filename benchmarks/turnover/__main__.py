"""From trial to trial and from start to first step, beside what others do."""

import argparse
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import sigterm
from benchmarks.ratios import interleaved, machine
from benchmarks.turnover import cells, report, start
from benchmarks.turnover.cells import Cell
from benchmarks.turnover.material import ARCHITECTURES, Material
from benchmarks.turnover.processes import module
from benchmarks.turnover.start import Started

COPIES = 9
PARTS = ("turnover", "start", "memory")


def main() -> None:
    """Measure and print."""
    asked = _arguments()
    print(f"turnover on {machine()}", flush=True)
    with TemporaryDirectory(prefix="turnover-") as folder:
        for architecture in asked.architecture:
            material = Path(folder) / architecture
            material.mkdir()
            Material.make(architecture, material)
            if "turnover" in asked.part:
                found = _turnover(material, trials=asked.trials, rounds=asked.rounds)
                print(f"\n{report.turnover(architecture, found)}", flush=True)
            if "start" in asked.part:
                ours, bare = _start(material, rounds=asked.rounds)
                print(f"\n{report.started(architecture, ours, bare)}", flush=True)
            if "memory" in asked.part and architecture == asked.architecture[0]:
                told = module("ours", material, asked.memory_trials, "memory").told["memory"]
                print(f"\n{report.memory(told)}", flush=True)
    if "start" in asked.part:
        pairs = [start.help_shown() for _ in range(max(3, asked.rounds))]
        print(f"\n{report.help_shown(pairs)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.turnover", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of the d 128 model")
    parser.add_argument("--architecture", nargs="+", choices=ARCHITECTURES)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rounds", type=int, help="at most so many; at least 3, or 1 when quick")
    parser.add_argument("--trials", type=int, default=6, help="of one round")
    asked = parser.parse_args()
    asked.memory_trials = 12 if asked.quick else 50
    asked.architecture = asked.architecture or (["d128"] if asked.quick else list(ARCHITECTURES))
    asked.rounds = asked.rounds or (1 if asked.quick else 8)
    return asked


def _turnover(material: Path, *, trials: int, rounds: int) -> dict[str, Cell]:
    found = {name: Cell() for name in (report.OURS, report.FRESH, "model_init", report.COPY)}
    interleaved(
        {
            report.OURS: partial(cells.ours, found[report.OURS], material, trials),
            report.FRESH: partial(cells.fresh, found[report.FRESH], material),
            "model_init": partial(cells.model_init, found["model_init"], material, trials),
            report.COPY: partial(cells.weight_copy, found[report.COPY], material, COPIES),
        },
        at_least=min(3, rounds),
        at_most=rounds,
    )
    return found


def _start(material: Path, *, rounds: int) -> tuple[list[Started], list[Started]]:
    ours, bare = list[Started](), list[Started]()

    def measure(found: list[Started], one: Started) -> float:
        found.append(one)
        return one.begin

    interleaved(
        {
            "hpo worker": lambda: measure(ours, start.worker(material)),
            "bare": lambda: measure(bare, start.bare(material)),
        },
        at_least=min(3, rounds),
        at_most=rounds,
    )
    return ours, bare


if __name__ == "__main__":
    sigterm.ends_cleanly()
    main()
