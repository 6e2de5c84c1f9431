"""SIGTERM, which `timeout` sends, takes away what a benchmark has written and started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.sigterm import STATUS

BENCHMARK = """
import tempfile, time, weakref
from benchmarks import sigterm

class Cell: pass

def wait(*_):
    print(folder, flush=True)
    time.sleep(600)

sigterm.ends_cleanly()
with tempfile.TemporaryDirectory() as folder:
    {where}
    time.sleep(600)
"""
IN_A_CALLBACK = "cell = Cell(); kept = weakref.ref(cell, wait); del cell"


@pytest.mark.parametrize("where", ["wait()", IN_A_CALLBACK])
def test_sigterm_removes_the_folders_and_is_the_status(where: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BENCHMARK.format(where=where)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
    ) as process:
        assert process.stdout
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        process.terminate()
        assert process.wait(60) == STATUS
    assert not folder.exists()
