"""From `hpo worker` to its first step, beside the bare import and model load, and `hpo --help`."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.turnover.material import Material
from benchmarks.turnover.processes import TIMEOUT_S, quiet_environ, run
from config.load import dump

SITE = Path(__file__).parent / "at_start"
STUDY = "start"
POLL_S = 0.01
BARE = """
import json, sys, time
import torch
from transformers import BartForConditionalGeneration, PreTrainedTokenizerFast
PreTrainedTokenizerFast.from_pretrained(sys.argv[1])
BartForConditionalGeneration.from_pretrained(sys.argv[1])
print(json.dumps([time.monotonic(), time.process_time()]))
"""


@dataclass(frozen=True)
class Started:
    """Seconds from a process's start until it is where it is wanted: by the clock, and of CPU.

    `begin` is until the first batch reaches the model, `step` until the first optimizer step.
    """

    begin: float
    step: float
    cpu: float


def bare(material: Path) -> Started:
    """Import torch and transformers, load tokenizer and model."""
    ran = run([sys.executable, "-c", BARE, Material.read(material).model])
    at, cpu = ran.told
    return Started(at - ran.started, at - ran.started, cpu)


def worker(material: Path) -> Started:
    """Start `hpo worker` on a study that is there, its texts encoded: as on every later start."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "study.yaml"
        made = Material.read(material).configuration(folder, trials=100)
        config.write_text(dump(made), encoding="utf-8")
        _until_step(config, folder / "warm")
        return _until_step(config, folder / "marks")


def help_shown() -> tuple[float, float]:
    """Return the seconds of `hpo --help`, and those of a Python that does nothing."""
    shown = run([sys.executable, "-m", "hpo", "--help"])
    nothing = run([sys.executable, "-c", "pass"])
    return shown.ended - shown.started, nothing.ended - nothing.started


def _until_step(config: Path, marks: Path) -> Started:
    environ = quiet_environ()
    environ["PYTHONPATH"] = os.pathsep.join([str(SITE), environ["PYTHONPATH"]])
    environ |= {"HPO_BENCH_MARKS": str(marks), "HPO_STORAGE": f"sqlite:///{config.parent}/hpo.db"}
    log = config.with_name("worker.log")
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "hpo", "worker", "--study", STUDY, "--config", str(config)],
            env=environ,
            cwd=config.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while not marks.exists():
                if process.poll() is not None or time.monotonic() > started + TIMEOUT_S:
                    raise RuntimeError(f"hpo worker took no step:\n{log.read_text('utf-8')}")
                time.sleep(POLL_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    begin, step = json.loads(marks.read_text(encoding="utf-8"))
    return Started(begin["at"] - started, step["at"] - started, step["cpu"])
