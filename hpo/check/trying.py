"""Trying out what would else be estimated, in a process of its own that ends and holds nothing."""

import json
import os
import subprocess
import sys
from typing import Any, Literal

from config.mapping import to_mapping
from config.schema import Configuration
from hpo.check.device import in_use
from hpo.check.subject import Subject
from hpo.errors import HpoError

LONGEST_S = 1800
Measure = Literal["memory", "time"]


class TryFailed(HpoError):
    """The training that was tried ended by itself; its last words."""


def why_not(subject: Subject) -> str | None:
    """Why nothing is tried now; None where nobody is disturbed by it.

    A worker whose card fills up would halve its batches for the rest of the study.
    """
    if any(in_use(card) for card in subject.cards.get()[:1]):
        return "the GPU is in use, and whoever uses it is not to be disturbed"
    return None


def tried(config: Configuration, measure: Measure) -> dict[str, Any]:
    """Train a little as configured. Raises TryFailed."""
    order = json.dumps({"config": to_mapping(config), "measure": measure})
    command = [sys.executable, "-m", "hpo.check.rehearsal"]
    environ = {name: text for name, text in os.environ.items() if not name.startswith("WANDB_")}
    environ.pop("HPO_STORAGE", None)  # it needs no database
    try:
        ended = subprocess.run(  # noqa: S603 - our own module
            command,
            input=order + "\n",
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TryFailed(f"one step tried was not over in {LONGEST_S // 60} minutes") from error
    lines = [line for line in ended.stdout.splitlines() if line.strip()] or ["it said nothing"]
    if ended.returncode < 0:
        raise TryFailed(
            f"a step of it was tried and ended by signal {-ended.returncode};"
            " if that is 9, memory ran out"
        )
    if ended.returncode:
        raise TryFailed(f"a step of it was tried and failed: {lines[-1].strip()}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found
