"""PgBouncer for tests, installed from the system's packages where root may do that."""

import os
import shutil
import subprocess

from benchmarks.storage import bouncer

INSTALL_TIMEOUT_S = 240


def missing() -> str | None:
    """Say why there is no PgBouncer; None where there is one, by now."""
    if bouncer.missing() is None:
        return None
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return bouncer.missing()
    # The tests' own environment names a proxy that refuses everything.
    outside = {name: v for name, v in os.environ.items() if not name.lower().endswith("_proxy")}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "pgbouncer"]):
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
            return f"{' '.join(command)} failed: {done.stderr.strip().splitlines()[-1:]}"
    return bouncer.missing()
