"""Debian's packages for tests, installed where root may do that."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from filelock import FileLock

INSTALL_TIMEOUT_S = 240
# apt-get refuses to work twice at once, and what it is installing must not be used yet: look for a
# program with this in hand. The processes that share the tests may all want the same one.
ONE_AT_A_TIME = FileLock(Path(tempfile.gettempdir()) / f"hpo-tests-apt-{os.geteuid()}.lock")


def may_install() -> bool:
    """Whether this user can install packages here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(package: str) -> str | None:
    """Install it, ONE_AT_A_TIME in hand; say in one line why it could not be, or None."""
    # The tests' own environment names a proxy that refuses everything.
    outside = {name: v for name, v in os.environ.items() if not name.lower().endswith("_proxy")}
    environ = {**outside, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", package]):
        reason = _failure(command, environ)
        if reason is not None:
            return reason
    return None


def _failure(command: list[str], environ: dict[str, str]) -> str | None:
    try:
        done = subprocess.run(
            command,
            env=environ,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{' '.join(command)} took longer than {INSTALL_TIMEOUT_S} s"
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return f"{' '.join(command)} failed: {last}"
    return None
