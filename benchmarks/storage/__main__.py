"""`python -m benchmarks.storage`: ask, report, tell, status and dashboard, beside plain Optuna.

Each cell's two sides are measured turn about, each on a fresh copy of a filled database. A worker
that is measured goes from call to call without a pause; the others of its cell report as often as
trainings of 5 minutes do. The first call of each worker, which loads the study, counts like others.
"""

import argparse
import math
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from itertools import product
from multiprocessing import get_context

import optuna

from benchmarks import sigterm
from benchmarks.ratios import machine, ratio
from benchmarks.storage import bouncer, report
from benchmarks.storage.bouncer import Counted, Pool, behind, pgbouncer
from benchmarks.storage.crowd import Load, Measured, measure
from benchmarks.storage.fill import OURS, PLAIN, Fill, configuration, fill
from benchmarks.storage.pages import PAGES, Pages, measure_pages
from benchmarks.storage.report import Cell
from benchmarks.storage.server import Server, postgresql
from benchmarks.storage.turns import measure_turn_about, paired
from benchmarks.storage.workers import ASK, CALLS

SIZES, WORKERS, ROUNDS = (100, 1_000, 10_000), (1, 16, 64, 200), 3
QUICK_SIZES, QUICK_WORKERS, QUICK_ROUNDS = (100, 2_000), (1, 16), 2
MEASURED_TRIALS, QUICK_TRIALS = 25, 10
POOLS = (Pool("transaction", 40), Pool("transaction", 2), Pool("session", 40))
SIDES = (OURS, PLAIN)


def main(arguments: Sequence[str]) -> int:
    """Measure and print; the exit status is 1 where a worker had an error."""
    options = _options(arguments)
    sizes = options.sizes or (QUICK_SIZES if options.quick else SIZES)
    workers = options.workers or (QUICK_WORKERS if options.quick else WORKERS)
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    trials = options.trials or (QUICK_TRIALS if options.quick else MEASURED_TRIALS)
    print(f"{machine()}; {rounds} rounds, {trials} trials of each measured worker a round")
    failed = False
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with postgresql(durable=options.durable) as server:
        bench = Bench(server, trials, tuple(options.set))
        if "load" in options.parts:
            failed |= bench.loads(sizes, workers, rounds, minutes=options.minutes)
        if "ask" in options.parts:
            failed |= bench.asks(sizes, rounds)
        if "pages" in options.parts:
            bench.pages(sizes[-1], rounds)
        if "bouncer" in options.parts:
            failed |= bench.bouncers(sizes[-1], max(workers), options.pools or POOLS)
    return int(failed)


class Bench:
    """The parts of the benchmark on one server."""

    def __init__(self, server: Server, trials: int, options: tuple[str, ...]) -> None:
        self._server = server
        self._trials = trials
        self._options = options
        self._config = configuration(*options)

    def loads(
        self, sizes: Sequence[int], workers: Sequence[int], rounds: int, *, minutes: float
    ) -> bool:
        """Measure every cell once a round, the sides turn about; True where there were errors.

        After so many minutes no further cell is begun.
        """
        cells = [Cell(*pair) for pair in product(sizes, workers)]
        until = time.monotonic() + 60 * minutes
        for number in range(rounds):
            for cell in cells:
                if time.monotonic() > until:
                    break
                for side in SIDES if number % 2 == 0 else SIDES[::-1]:
                    began = time.perf_counter()
                    cell.rounds[side].append(self._measure(side, cell))
                    took = time.perf_counter() - began
                    _note(f"round {number + 1}: {cell.trials}/{cell.workers} {side} {took:.0f} s")
        cells = [cell for cell in cells if cell.rounds[OURS]]
        for line in (*report.lines(cells), *report.growths(cells), *report.shares(cells)):
            print(line)
        errors = [error for cell in cells for error in cell.errors]
        print(f"errors: {len(errors)}", *errors[:10], sep="\n  ")
        return bool(errors)

    def asks(self, sizes: Sequence[int], rounds: int) -> bool:
        """Measure each size's asks call by call, one worker a side; True where there were errors.

        The first ask of each worker, which loads the study, is left out.
        """
        errors: list[str] = []
        for trials in sizes:
            seconds: dict[str, list[float]] = {side: [] for side in SIDES}
            for number in range(rounds):
                sides = SIDES if number % 2 == 0 else SIDES[::-1]
                for side, one in zip(sides, self._turn_about(sides, trials), strict=True):
                    seconds[side] += one.seconds[ASK][1:]
                    errors += one.errors
            ours, plain = (seconds[side] for side in SIDES)
            print(
                f"ask by ask at {trials} trials: {_middle(ours) * 1000:.0f} ms, plain"
                f" {_middle(plain) * 1000:.0f} ms, ratio of {len(ours)} pairs {paired(ours, plain)}"
            )
        print(f"errors: {len(errors)}", *errors[:10], sep="\n  ")
        return bool(errors)

    def pages(self, trials: int, rounds: int) -> None:
        """Measure what people wait for at that many trials."""
        found: dict[str, list[Pages]] = {side: [] for side in SIDES}
        for number in range(rounds):
            for side in SIDES if number % 2 == 0 else SIDES[::-1]:
                with (
                    self._server.copy(self._filled(side, trials)) as database,
                    # A process of its own: what hpo changes in optuna-dashboard, plain has not.
                    ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process,
                ):
                    url = self._server.url(database)
                    found[side].append(process.submit(measure_pages, side, url, trials).result())
        for page in PAGES:
            ours, plain = ([one.seconds[page] for one in found[side]] for side in SIDES)
            print(
                f"{page} at {trials} trials: {_middle(ours):.2f} s,"
                f" plain {_middle(plain):.2f} s, ratio {ratio(ours, to=plain)}"
            )
        print(f"the first load sends {found[OURS][0].megabytes:.1f} MB")

    def bouncers(self, trials: int, workers: int, pools: Sequence[Pool]) -> bool:
        """Put PgBouncer between, with each of the pools; True where a worker had an error."""
        reason = bouncer.missing()
        if reason is not None:
            print(f"PgBouncer left out: {reason}")
            return False
        failed = False
        for pool in pools:
            with (
                self._server.copy(self._filled(OURS, trials)) as database,
                pgbouncer(self._server, pool) as folder,
                Counted(self._server, database) as counted,
            ):
                load = self._load(OURS, behind(folder, database), workers, trials)
                found = measure(load)
            middles = ", ".join(
                f"{call} {_middle(found.seconds[call]) * 1000:.0f} ms" for call in CALLS
            )
            print(
                f"{workers} workers through PgBouncer ({pool}): {len(found.errors)} errors,"
                f" at most {counted.most} server connections, p50 {middles}"
            )
            print(*found.errors[:3], sep="\n  ")
            failed |= bool(found.errors)
        return failed

    def _turn_about(self, sides: Sequence[str], trials: int) -> list[Measured]:
        with ExitStack() as copies:
            loads = []
            for side in sides:
                copy = copies.enter_context(self._server.copy(self._filled(side, trials)))
                loads.append(self._load(side, self._server.url(copy), 1, trials))
            return measure_turn_about(loads)

    def _measure(self, side: str, cell: Cell) -> Measured:
        with self._server.copy(self._filled(side, cell.trials)) as database:
            url = self._server.url(database)
            return measure(self._load(side, url, cell.workers, cell.trials))

    def _load(self, side: str, url: str, workers: int, trials: int) -> Load:
        return Load(side, url, workers, self._trials, trials, self._options)

    def _filled(self, side: str, trials: int) -> str:
        wanted = Fill(trials, records=side == OURS)
        return self._server.filled(f"{side}_{trials}", lambda url: fill(url, wanted, self._config))


def _middle(values: Sequence[float]) -> float:
    return report.quantile(values, 0.5)


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.storage", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller cells")
    parser.add_argument("--sizes", type=int, nargs="+", help="trials in the study")
    parser.add_argument("--workers", type=int, nargs="+", help="workers at once")
    parser.add_argument("--rounds", type=int, help="how often each cell is measured")
    parser.add_argument("--trials", type=int, help="trials of a measured worker in a round")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no cell after them")
    parser.add_argument("--durable", action="store_true", help="commits wait for the disk")
    parser.add_argument("--set", nargs="*", default=[], help="overrides of the configuration")
    parser.add_argument("--pools", nargs="+", type=Pool.parse, help="PgBouncer's: transaction:40")
    parts = ("load", "ask", "pages", "bouncer")
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sigterm.ends_cleanly()
    sys.exit(main(sys.argv[1:]))
