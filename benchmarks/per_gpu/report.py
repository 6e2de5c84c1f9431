"""The printed result: trials an hour, how many times those of one at once, and equal values."""

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.per_gpu.search import Found
from benchmarks.ratios import ratio

AIM = 1.6
"""Times the trials an hour of one at once, on a large card."""
Runs = Mapping[int, Sequence[Found]]


def table(runs: Runs) -> str:
    """Return a row for each number at once, by rounds side by side with one at once."""
    lines = [
        f"{'at once':>7} {'trials/h':>9}   times one at once     largest difference of a value"
    ]
    alone = runs[1]
    for count, each in runs.items():
        hourly = [one.an_hour for one in each]
        line = f"{count:7} {statistics.median(hourly):9.1f}"
        if count > 1:
            times = ratio(hourly, [one.an_hour for one in alone])
            line += f"   {times!s:20}  {_apart(each, alone)}"
        else:
            line += f"   {'':20}  {_between(alone)}"
        lines.append(line)
    return "\n".join(lines)


def verdict(runs: Runs, *, on_gpu: bool) -> str:
    """Return how this stands to the aim, which only a large card can tell."""
    if not on_gpu:
        return (
            f"no GPU here: this shows that the trials are the same. The aim, {AIM}x the trials an"
            " hour of one at once on a large card, stays open"
        )
    hourly = {n: statistics.median(one.an_hour for one in each) for n, each in runs.items()}
    count = max(hourly, key=lambda n: hourly[n])
    best = hourly[count] / hourly[1]
    met = "met" if best >= AIM else "missed"
    return f"best: {count} at once, {best:.2f}x; the aim is {AIM}x: {met}"


def difference(one: Found, other: Found) -> float:
    """Return the largest difference between the values of one learning rate."""
    return max(abs(one.values[rate] - other.values[rate]) for rate in one.values)


def _apart(each: Sequence[Found], alone: Sequence[Found]) -> str:
    gap = max(difference(one, other) for one, other in zip(each, alone, strict=True))
    return "none" if gap == 0 else f"{gap:.4f} from one at once"


def _between(alone: Sequence[Found]) -> str:
    if len(alone) < 2:  # noqa: PLR2004 - one run has nothing to differ from
        return ""
    gap = max(difference(alone[0], other) for other in alone[1:])
    return "none between runs" if gap == 0 else f"{gap:.4f} between runs"
