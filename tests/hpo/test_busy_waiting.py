"""Torch's threads sleep soon in every process of hpo, unless the user says how they wait."""

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from hpo.busy_waiting import POLICY, SHORT, SPINS, shorten_busy_waiting


@pytest.mark.parametrize("given", [{SPINS: "0"}, {POLICY: "active"}, {POLICY: ""}])
def test_what_the_user_says_stands(given: Mapping[str, str]):
    environ = dict(given)
    shorten_busy_waiting(environ)
    assert environ == given


def test_else_the_threads_sleep_soon():
    environ = {"OMP_NUM_THREADS": "2"}
    shorten_busy_waiting(environ)
    assert environ == {"OMP_NUM_THREADS": "2", SPINS: SHORT}


def test_the_command_says_so_before_torch_is_loaded_and_to_its_processes():
    told = (
        "import os, subprocess, sys; from hpo.cli import main; "
        "main(['config', 'check', 'demo'], standalone_mode=False); "
    )
    look = "import os; print(os.environ['GOMP_SPINCOUNT'])"
    seen = f"assert 'torch' not in sys.modules; subprocess.run([sys.executable, '-c', {look!r}])"
    environ = {name: value for name, value in os.environ.items() if name not in {SPINS, POLICY}}
    ran = subprocess.run(
        [sys.executable, "-c", told + seen], env=environ, capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[-1] == SHORT
