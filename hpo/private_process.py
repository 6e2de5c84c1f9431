"""No secret in the process list, and none in the traceback of a crash."""

import os
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType

OPTION = "--storage"


def hide_in_crashes() -> None:
    """Print the traceback of what nobody caught without secrets, in every thread."""

    def say(
        kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt) or error is None:
            sys.__excepthook__(kind, error or kind(), trace)
            return
        from hpo.hiding import hide  # noqa: PLC0415 - loads SQLAlchemy, and nothing crashed yet

        sys.stderr.write(hide("".join(traceback.format_exception(kind, error, trace))))

    sys.excepthook = say
    threading.excepthook = lambda crash: say(crash.exc_type, crash.exc_value, crash.exc_traceback)


def leave_process_list(words: Sequence[str], environ: Mapping[str, str]) -> None:
    """Start this program again where a password stands in its own command line, without it.

    Everybody on a machine can read the command lines of its processes; the environment only the
    user's own. `words` is sys.orig_argv.
    """
    kept, url = _without_storage(words)
    if url is None or ("@" not in url and "password" not in url):
        return
    from storage.url import mask  # noqa: PLC0415 - loads SQLAlchemy, and `hpo --help` need not wait

    if mask(url) == url:
        return
    os.execve(sys.executable, kept, {**environ, "HPO_STORAGE": url})  # noqa: S606 - ourselves


def _without_storage(words: Sequence[str]) -> tuple[list[str], str | None]:
    kept: list[str] = []
    url: str | None = None
    rest: Iterator[str] = iter(words)
    for word in rest:
        if word == OPTION:
            url = next(rest, None)
        elif word.startswith(f"{OPTION}="):
            url = word.removeprefix(f"{OPTION}=")
        else:
            kept.append(word)
    return kept, url
