"""`python -m hpo` and the script `hpo`: Ctrl-C is prepared for before anything else loads."""

import os
import sys

from hpo.ctrl_c import end_imports_at_once

LAST_STREAM = 2


def main() -> None:
    """Run the command line in this process."""
    end_imports_at_once()
    _fill_streams()
    from hpo.cli import main as command_line  # noqa: PLC0415 - only now may it be interrupted

    command_line(prog_name="hpo")


def _fill_streams() -> None:
    """Put nothing where standard streams are closed.

    Else the files opened next, a database among them, would get their numbers, and with them what
    some library prints. That standard output is closed is still to be seen by its None.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= LAST_STREAM:
        pass
    if sys.stderr is None:
        sys.stderr = os.fdopen(number, "w", encoding="utf-8")
    else:
        os.close(number)


if __name__ == "__main__":
    main()
