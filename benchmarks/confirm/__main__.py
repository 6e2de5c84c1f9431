"""`python -m benchmarks.confirm --traces FOLDER`: single-run winners against confirmed ones."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.confirm.simulation import ASKED, REPEATS, TOP, Outcome, simulate
from benchmarks.confirm.traces import NoTraces, Trace, load_traces, repeat_sd, repeated

SDS = (0.0023, 0.0031)
"""ROUGE-L: 13 configurations run twice, and four seeds of another."""
SEEDS = (0, 3, 5)


def main() -> None:
    """Print what was measured twice, then a table for each noise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.confirm", description=__doc__)
    parser.add_argument("--traces", type=Path, required=True, help="folder of finished searches")
    parser.add_argument("--sd", type=float, nargs="+", default=SDS, help="SDs of one run")
    given = parser.parse_args()
    try:
        traces = load_traces(given.traces)
    except NoTraces as error:
        parser.error(str(error))
    for line in (*_twice(traces), *_tables(traces, given.sd)):
        print(line)


def _twice(traces: Sequence[Trace]) -> Iterator[str]:
    """Searches that repeat each other's configurations, and what became of their winners."""
    for place, one in enumerate(traces):
        for other in traces[place + 1 :]:
            numbers = repeated(one, other)
            if len(numbers) > 1:
                first, second = (max(numbers, key=t.scores.__getitem__) for t in (one, other))
                yield (
                    f"{len(numbers)} configurations completed in {one.name} and {other.name}:"
                    f" SD of a run {repeat_sd(one, other, numbers):.4f}; the first's best, trial"
                    f" {first}, has {one.scores[first]:.4f} and then {other.scores[first]:.4f};"
                    f" the second's, trial {second}, {other.scores[second]:.4f} after"
                    f" {one.scores[second]:.4f}"
                )


def _tables(traces: Sequence[Trace], sds: Sequence[float]) -> Iterator[str]:
    yield f"{REPEATS} simulated searches a row; the best {TOP} run again; {ASKED} of them judged"
    for sd in sds:
        yield f"\nSD of a run {sd}\n"
        yield (
            "| search | trials | winner by | is the best | true regret | promises too much |"
            " one leader named at 95% | and it is |"
        )
        yield "| :--- | ---: | :--- | ---: | ---: | ---: | ---: | ---: |"
        for trace in traces:
            for seeds in SEEDS:
                yield _row(trace, seeds, simulate(list(trace.scores.values()), sd=sd, seeds=seeds))


def _row(trace: Trace, seeds: int, outcome: Outcome) -> str:
    by = f"mean of {seeds}" if seeds else "one run"
    sure, right = (
        "-" if share is None else f"{share:.0%}" for share in (outcome.sure, outcome.right)
    )
    return (
        f"| {trace.name} | {len(trace.scores)} | {by} | {outcome.found:.1%} ± {outcome.error:.1%}"
        f" | {outcome.regret:.4f} | {outcome.optimism:+.4f} | {sure} | {right} |"
    )


if __name__ == "__main__":
    main()
