"""Files and folders that a command writes, as the command line names them.

`-` is standard output, where messages would be in the way: they go to standard error then. It is no
folder.
"""

import os
from collections.abc import Callable
from pathlib import Path

import click

from hpo.standard_output import STANDARD_OUTPUT

NO_FOLDER = "'-' is standard output, which is no folder; a folder of that name is ./-"


class FileToWrite(click.Path[Path]):
    """A file that may not be there yet, or `-`."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, allow_dash=True, path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """Tell `-` from `./-`, which are the same to Path."""
        found = super().convert(value, param, ctx)
        return found.absolute() if found == STANDARD_OUTPUT and os.fspath(value) != "-" else found


class FolderToWrite(click.Path[Path]):
    """A folder that may not be there yet."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """Refuse `-`."""
        if os.fspath(value) == "-":
            self.fail(NO_FOLDER, param, ctx)
        return super().convert(value, param, ctx)


def messages_beside(*targets: Path | None) -> Callable[[str], None]:
    """Give what prints a message where it cannot get into one of the files to write."""
    aside = STANDARD_OUTPUT in targets
    return lambda line: click.echo(line, err=aside)
