"""What is measured of each: seconds until the first step, until the first batch, and of CPU."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.turnover.processes import Ran, module


@dataclass
class Cell:
    """One way to go from trial to trial; a list has one value a round.

    `begin` are seconds from a trial's end until the next one's first batch reaches the model,
    `step` until its first optimizer step is done, `cpu` of CPU time until then.
    """

    begin: list[float] = field(default_factory=list)
    step: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def take(self, *, begin: float, step: float, cpu: float) -> float:
        """Keep one round's values; returns `step`."""
        self.begin.append(begin)
        self.step.append(step)
        self.cpu.append(cpu)
        return step


def ours(cell: Cell, material: Path, trials: int) -> float:
    """Run our worker; the round's value is the median over its turnovers."""
    return _medians(cell, module("ours", material, trials).told["turnovers"])


def model_init(cell: Cell, material: Path, trials: int) -> float:
    """Run Trainer.hyperparameter_search."""
    return _medians(cell, module("model_init", material, trials).told)


def fresh(cell: Cell, material: Path) -> float:
    """Run a process for one trial: its end, and the start of the next one like it."""
    ran = module("fresh", material)
    begin, step, end = ran.told
    leaving = ran.ended - end["at"]
    training = end["cpu"] - step["cpu"]
    return cell.take(
        begin=leaving + begin["at"] - ran.started,
        step=leaving + step["at"] - ran.started,
        cpu=ran.cpu - training,
    )


def weight_copy(cell: Cell, material: Path, times: int) -> float:
    """Copy the weights and do nothing else."""
    ran: Ran = module("weight_copy", material, times)
    seconds = statistics.median(ran.told)
    return cell.take(begin=seconds, step=seconds, cpu=seconds)


def _medians(cell: Cell, turnovers: Sequence[dict[str, Any]]) -> float:
    # The first turnover warms up what a process does once: W&B's service, the scorer's Kiwi.
    rest = turnovers[1:] or turnovers
    return cell.take(
        **{
            name: statistics.median(each[name] for each in rest)
            for name in ("begin", "step", "cpu")
        }
    )
