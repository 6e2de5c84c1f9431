"""The figures as lines of text: medians, and ratios with their range over the rounds."""

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.ratios import ratio
from benchmarks.turnover.cells import Cell
from benchmarks.turnover.start import Started

OURS = "hpo"
FRESH = "fresh process"
COPY = "weight copy"


def turnover(architecture: str, found: Mapping[str, Cell]) -> str:
    """Return the table from trial to trial."""
    ours = found[OURS]
    lines = [
        f"{architecture}: from a trial's end to the next one's, {len(ours.step)} rounds, medians",
        f"{'':14s} first batch  first step   CPU until it   hpo takes of its time, of its CPU",
    ]
    for name, cell in found.items():
        begin, step, cpu = (statistics.median(each) for each in (cell.begin, cell.step, cell.cpu))
        wall, used = ratio(ours.step, cell.step), ratio(ours.cpu, cell.cpu)
        lines.append(f"{name:14s} {begin:9.3f} s {step:9.3f} s {cpu:12.3f} s   {wall},   {used}")
    lines += [
        f"until the first batch hpo takes of {name}: {ratio(ours.begin, found[name].begin)}"
        for name in (FRESH, COPY)
    ]
    return "\n".join(lines)


def started(architecture: str, ours: Sequence[Started], bare: Sequence[Started]) -> str:
    """Return how a worker's start compares with the bare import and load."""
    lines = [f"{architecture}: from the start of `hpo worker`, over the bare import and model load"]
    for name, what in (("begin", "first batch"), ("step", "first step"), ("cpu", "CPU of it")):
        mine, theirs = ([getattr(one, name) for one in found] for found in (ours, bare))
        middles = f"{statistics.median(mine):.2f} s over {statistics.median(theirs):.2f} s"
        lines.append(f"{what:12s} {middles}: {ratio(mine, theirs)}")
    return "\n".join(lines)


def help_shown(pairs: Sequence[tuple[float, float]]) -> str:
    """Return how long `hpo --help` takes beside a Python that does nothing."""
    shown, nothing = [one for one, _ in pairs], [one for _, one in pairs]
    times = ratio(shown, nothing)
    return f"hpo --help: {statistics.median(shown):.2f} s, {times} times a Python that does nothing"


def memory(told: Sequence[tuple[int, int]]) -> str:
    """Return how memory has grown: resident sets, and what is free of each (bytes, each trial)."""
    (first, free), (last, free_at_last) = told[0], told[-1]
    used, used_at_last = first - free, last - free_at_last
    return (
        f"after the first trial {used / 2**20:.0f} MiB in use of {first / 2**20:.0f} resident,"
        f" after {len(told)} trials {used_at_last / 2**20:.0f} of {last / 2**20:.0f}:"
        f" {used_at_last / used - 1:+.2%} in use; most resident"
        f" {max(resident for resident, _ in told) / 2**20:.0f} MiB"
    )
