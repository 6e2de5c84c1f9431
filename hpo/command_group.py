"""The command line's own behaviour: near misses are named, and every end is in order."""

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import click

from hpo.ctrl_c import INTERRUPTED
from hpo.private_process import hide_in_crashes, leave_process_list

FAILED = 1


class NearestCommand(click.Group):
    """A group of commands that says which one was probably meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command where there is none of that name."""
        word = args[0]  # click may take it away before it fails
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(word, self.list_commands(ctx), n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"see {ctx.command_path} --help"
            raise click.UsageError(f"no such command {word!r}; {hint}", ctx) from error


class Commands(NearestCommand):
    """The `hpo` command itself."""

    group_class = NearestCommand

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line; what the system refuses ends it with one line."""
        _print_anything()
        if not args and "args" not in extra:  # a process of its own, not a call from a test
            _keep_secrets()
        try:
            return super().main(*args, **extra)
        except OSError as error:  # not a broken pipe: at that click ends without a word
            _drop_output()
            where = f"{error.filename}: " if error.filename is not None else ""
            with contextlib.suppress(OSError):
                click.echo(f"Error: cannot go on: {where}{error.strerror or error}", err=True)
            sys.exit(FAILED)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the command line; Ctrl-C ends it with a word."""
        with _stopped_in_a_word():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command chosen; Ctrl-C ends it with a word."""
        with _stopped_in_a_word():
            result = super().invoke(ctx)
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a full disk can still be said
        return result


@contextlib.contextmanager
def _stopped_in_a_word() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None


def _keep_secrets() -> None:
    leave_process_list(sys.orig_argv, os.environ)
    hide_in_crashes()


def _print_anything() -> None:
    """Let no letter crash the output; ASCII, what a missing locale gives, is read as UTF-8.

    So click does for its own lines and Python for its standard streams; rich does not.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            encoding = "utf-8" if is_ascii else stream.encoding
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def _drop_output() -> None:
    """Let Python's own flush at the end succeed where ours has failed (from Python's manual)."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
