"""The printed result of a comparison: ratios, where the time goes, how good the models are."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from benchmarks.ratios import Ratio, ratio
from benchmarks.trial.trained import Trained

OURS = "hpo"

Runs = Mapping[str, Sequence[Trained]]
"""Each cell's trainings, one a round; those of one round have one seed."""


def times(runs: Runs) -> str:
    """Return each cell's seconds and how many times those of hpo they are."""
    lines = [f"{'':32} {'CPU s':>8} {'wall s':>8}   times hpo, CPU       times hpo, wall"]
    for name, found in runs.items():
        cpu, wall = (statistics.median(values) for values in (_cpu(found), _wall(found)))
        line = f"{name:32} {cpu:8.1f} {wall:8.1f}"
        if name != OURS:
            line += f"   {_over(found, runs, _cpu)!s:20} {_over(found, runs, _wall)}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def parts(runs: Runs) -> str:
    """Return where each cell's time goes, in median seconds and as shares."""
    lines = []
    for name, found in runs.items():
        names = list(dict.fromkeys(part for each in found for part in each.parts))
        medians = {
            part: statistics.median(each.parts.get(part, 0.0) for each in found) for part in names
        }
        whole = sum(medians.values())
        told = (f"{part} {took:.2f} s ({took / whole:.0%})" for part, took in medians.items())
        lines.append(f"{name}: {', '.join(told)}")
    return "\n".join(lines)


def quality(runs: Runs) -> str:
    """Return each cell's best values, a seed each, with their mean and standard deviation."""
    lines = []
    for name, found in runs.items():
        best = best_values(found)
        deviation = statistics.stdev(best) if len(best) > 1 else 0.0
        listed = " ".join(f"{value:.4f}" for value in best)
        lines.append(f"{name:32} {statistics.fmean(best):.4f} +- {deviation:.4f}   {listed}")
    return "\n".join(lines)


def best_values(found: Sequence[Trained]) -> list[float]:
    """Return the best value of each."""
    return [each.value for each in found]


def difference(runs: Runs, other: str) -> tuple[float, float]:
    """Return hpo's mean value less the other's, over the seeds, and that mean's standard error."""
    pairs = zip(best_values(runs[OURS]), best_values(runs[other]), strict=True)
    gaps = [ours - theirs for ours, theirs in pairs]
    error = statistics.stdev(gaps) / len(gaps) ** 0.5 if len(gaps) > 1 else float("inf")
    return statistics.fmean(gaps), error


def _over(
    found: Sequence[Trained], runs: Runs, seconds: Callable[[Sequence[Trained]], list[float]]
) -> Ratio:
    return ratio(seconds(found), to=seconds(runs[OURS]))


def _cpu(found: Sequence[Trained]) -> list[float]:
    return [each.cpu_seconds for each in found]


def _wall(found: Sequence[Trained]) -> list[float]:
    return [each.seconds for each in found]
