"""Standard output in the place of a file to write."""

import sys
from pathlib import Path

from hpo.errors import HpoError

STANDARD_OUTPUT = Path("-")
"""What stands for it among paths; a file of that name is given as an absolute path."""


def write_standard_output(text: str) -> None:
    """Write what a file would hold: UTF-8, whatever the terminal's letters are.

    Raises HpoError where it is closed, OSError where nobody reads it or the disk behind it is full.
    """
    if sys.stdout is None:
        raise HpoError("cannot write to standard output: it is closed")
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()
