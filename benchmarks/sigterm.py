"""SIGTERM, which `timeout` sends, ends a benchmark with what it started and wrote taken away."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

STATUS = 128 + signal.SIGTERM
AGAIN_S = 0.1


def ends_cleanly() -> None:
    """Let SIGTERM raise SystemExit, so that every `finally` and `with` on the way is run."""
    signal.signal(signal.SIGTERM, _end)
    sys.unraisablehook = _come_again


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(STATUS)


def _come_again(lost: "sys.UnraisableHookArgs") -> None:
    """Send the signal once more where it came in a weak reference's callback, which drops it."""
    if isinstance(lost.exc_value, SystemExit) and lost.exc_value.code == STATUS:
        threading.Timer(AGAIN_S, os.kill, (os.getpid(), signal.SIGTERM)).start()
    else:
        sys.__unraisablehook__(lost)
