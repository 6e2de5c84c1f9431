"""Debian's packages for tests, installed where root may do that."""

import os
import shutil
import subprocess

INSTALL_TIMEOUT_S = 240


def may_install() -> bool:
    """Whether this user can install packages here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(package: str) -> str | None:
    """Install it; say in one line why it could not be, or None where it was."""
    # The tests' own environment names a proxy that refuses everything.
    outside = {name: v for name, v in os.environ.items() if not name.lower().endswith("_proxy")}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", package]):
        try:
            done = subprocess.run(
                command,
                env={**outside, "DEBIAN_FRONTEND": "noninteractive"},
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
