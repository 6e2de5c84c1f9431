"""Ctrl-C while modules load: the process ends at once, in one word.

Python raises KeyboardInterrupt wherever it stands. In an import that is a traceback before click is
there to catch it; later it is sometimes swallowed by a module's own `except`, and the command goes
on with what is half loaded. Nothing of ours is open in an import that would want an orderly end.
"""

import os
import signal
from types import FrameType

INTERRUPTED = 130
"""Exit status of what Ctrl-C ended, as shells have it: 128 + SIGINT."""
WORKING_PROCESS = "HPO_WORKING_PROCESS"
"""Environment variable of a process under a worker's parent, which says what is to be said."""
IMPORTING = "<frozen importlib._bootstrap>"


def end_imports_at_once() -> None:
    """Let Ctrl-C end an import and the process; elsewhere it raises KeyboardInterrupt as ever.

    A process that was started with Ctrl-C ignored, as in the background of a script, ignores it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        silent = WORKING_PROCESS in os.environ
        signal.signal(signal.SIGINT, signal.SIG_DFL if silent else _on_ctrl_c)


def _on_ctrl_c(signum: int, frame: FrameType | None) -> None:
    at = frame
    while at is not None:
        if at.f_code.co_filename == IMPORTING:
            os.write(2, b"stopped\n")
            os._exit(INTERRUPTED)
        at = at.f_back
    signal.default_int_handler(signum, frame)
