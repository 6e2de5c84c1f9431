"""The `hpo …` command lines that documents show, as words."""

import re
import shlex
from dataclasses import dataclass

from markdown_text import code_lines, spans

# hpo itself, from .venv, or as the entry point of the container's image; not what make setup says.
PROGRAM = re.compile(
    r"^(?:\$ )?(?:(?:\.venv/bin/)?hpo(?! is ready)|docker compose run --rm \w+)(?:\s|$)"
)
ENDS = {"|", "&&", ";", "||"}


@dataclass(frozen=True)
class Command:
    """A command line without `hpo`; `output` is the file it is redirected to.

    `whole`: it can be run as it stands; a mention in a sentence may leave options out.
    """

    words: tuple[str, ...]
    output: str | None = None
    whole: bool = True


def written_in(document):
    """The commands in code blocks and in tables, in the document's order of either."""
    in_tables = [span for span, in_table in spans(document) if in_table]
    return _split_all([*in_tables, *code_lines(document)], whole=True)


def mentioned_in(document):
    """The commands that sentences mention."""
    return _split_all([span for span, in_table in spans(document) if not in_table], whole=False)


def split(line, *, whole=True):
    """One command line as words; comments, redirections and what follows a pipe are left out."""
    words = shlex.split(PROGRAM.sub("", line, count=1), comments=True)
    for place, word in enumerate(words):
        if word in ENDS:
            return Command(tuple(words[:place]), whole=whole)
        if word == ">":
            return Command(tuple(words[:place]), words[place + 1], whole)
    return Command(tuple(words), whole=whole)


def _split_all(lines, *, whole):
    commands = [split(line, whole=whole) for line in lines if PROGRAM.match(line)]
    return [command for command in commands if command.words]
