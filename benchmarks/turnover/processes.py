"""Each cell's processes: started, watched until they have told their marks, and ended."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 1800


@dataclass(frozen=True)
class Ran:
    """A process that ended by itself: its last line, when, and the CPU seconds it took."""

    last: str
    started: float
    ended: float
    cpu: float

    @property
    def told(self) -> Any:
        """What its last line says as JSON."""
        return json.loads(self.last)


def module(name: str, *arguments: object) -> Ran:
    """Run `python -m benchmarks.turnover.NAME ARGUMENTS`; its last line is JSON."""
    return run([sys.executable, "-m", f"benchmarks.turnover.{name}", *map(str, arguments)])


def run(words: Sequence[str], environ: Mapping[str, str] | None = None) -> Ran:
    """Run a command to its end; RuntimeError with its own words where it fails."""
    before, started = _children_cpu(), time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own commands
        words,
        env=environ or quiet_environ(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    ended = time.monotonic()
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr[-2000:]}"
        )
    last = done.stdout.splitlines()[-1:] or [""]
    return Ran(last[0], started, ended, _children_cpu() - before)


def quiet_environ() -> dict[str, str]:
    """Return the environment for all cells: our packages, one thread, no network.

    Modules are compiled once and kept, as in any installation: ours would else be compiled at every
    start, and the peers' are not.
    """
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "WANDB_MODE": "offline",
        "TOKENIZERS_PARALLELISM": "false",
    }


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
