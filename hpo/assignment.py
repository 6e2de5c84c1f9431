"""What `hpo worker` and the working process under it tell each other.

The parent gives its child an Assignment in one environment variable, and a pipe: GO on it lets the
child take trials, STOP or the end of the pipe (the parent is gone, were it by SIGKILL) asks it to
stop. The child gives notices, a line of JSON each, and an exit status.
"""

import json
from collections.abc import MutableMapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from hpo.ctrl_c import WORKING_PROCESS as VARIABLE

GO, STOP = b"g", b"s"
REPLACE = 83  # exit status: the process should be replaced by a fresh one
DEVICE_LOST = 84  # exit status: the GPU fails in this process; its trial should go on in another

READY, EVALUATED, TRIAL = "ready", "evaluated", "trial"
"""Kinds of notices: ready to take trials, an evaluation is reported, a trial has ended."""


@dataclass(frozen=True)
class Assignment:
    """Who a working process is, and what those before it left.

    `pid` is the parent's. `trials` counts the trials that ended under this parent; `failures` are
    the errors of the last ones; `dead` names processes whose leases are to be forfeited;
    `device_lost` tells that the GPU of one of them failed.
    """

    worker: str
    host: str
    pid: int
    control: int
    notices: int
    trials: int = 0
    failures: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    device_lost: bool = False

    def as_environment(self) -> dict[str, str]:
        """Give the environment variable for the child."""
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def take(cls, environ: MutableMapping[str, str]) -> Self | None:
        """Read it, and remove it: the child's own children have no part in it."""
        given = environ.pop(VARIABLE, None)
        if given is None:
            return None
        values: dict[str, Any] = json.loads(given)
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**{**values, **lists})
