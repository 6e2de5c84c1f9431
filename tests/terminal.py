"""A process in a pseudo-terminal: what it shows, and what is typed to it."""

import os
import pty
import select
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

CURSOR = "\x1b[?25h"
WITHIN_S = 90  # of a machine with much else to do
END = "\x03"
SUSPEND = "\x1a"


class Terminal:
    """A process in a pseudo-terminal, and what it has shown."""

    def __init__(self, words: Sequence[str], place: Path) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(place)
            for number in (signal.SIGINT, signal.SIGTSTP):
                signal.signal(number, signal.SIG_DFL)
            os.execvpe(words[0], words, os.environ | {"TERM": "xterm", "PS1": "$ "})
        self._shown = ""

    @classmethod
    def shell(cls, place: Path) -> Self:
        """A shell with job control."""
        return cls(["bash", "--norc", "--noediting", "-i"], place)

    def until(self, text: str) -> str:
        """Everything shown up to this text, which is not shown again."""
        deadline = time.monotonic() + WITHIN_S
        while text not in self._shown:
            assert time.monotonic() < deadline, f"no {text!r} in {self._shown[-2000:]!r}"
            if select.select([self._fd], [], [], 0.1)[0]:
                self._shown += os.read(self._fd, 65536).decode("utf-8", "replace")
        before, _, self._shown = self._shown.partition(text)
        return before

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def close(self) -> int:
        """The exit status of a process that ends."""
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._fd)
        return status
