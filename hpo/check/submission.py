"""The list before a submission: the file's form, its summaries, and the model that wrote it."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.counting import counted
from hpo.check.dev_score import look_at_score, models_of
from hpo.check.finding import Check, Finding
from hpo.check.part import Part
from hpo.check.running import NotLookedAt
from trainer.data import Example, read_examples
from trainer.errors import DataError, TrainerError
from trainer.pretrained import quiet_transformers
from trainer.scores import best_model
from trainer.submission import HEADER, SENTENCE_END
from trainer.tables import read_rows
from trainer.tokens import own_tokens, read_tokenizer

SHOWN = 3  # dialogues in a line
TOKEN = re.compile(r"</?\w+>")  # <s>, </s>, <pad>, <usr>, <unused12>, also <br>
BREAKS = re.compile(r"\\[nrt]")  # a backslash and a letter, where a line's end was meant
LINE_BREAK = "a line break"
BROKEN = re.compile("[\ufffd\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Row:
    """A row as it stands in the file; `index` None where there is no unnamed column."""

    index: str | None
    fname: str
    summary: str


@dataclass(frozen=True)
class Submission:
    """The file's header and rows."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]


def submission_checks(file: Path, test: Path, model: Path | None) -> list[Check]:
    """All checks of one file, against the test file's dialogues."""
    submission = Part("file", lambda: read_submission(file))
    wanted = Part("rows", lambda: read_examples(test, need_summary=False))

    def rows(look: Callable[[Sequence[Row]], Finding]) -> Callable[[], Finding]:
        return lambda: look(submission.get().rows)

    return [
        Check("file", lambda: _file(file, submission.get())),
        Check("header", lambda: header(submission.get().header)),
        Check("rows", lambda: rows_there(submission.get().rows, wanted.get())),
        Check("order", lambda: order(submission.get().rows, wanted.get())),
        Check("empty", rows(empty)),
        Check("cut off", rows(cut_off)),
        Check("tokens", rows(lambda each: tokens(each, _own_tokens(file, model)))),
        Check("score", lambda: look_at_score(file, model)),
    ]


def read_submission(file: Path) -> Submission:
    """Read the file; raises DataError with row and column for what is no table of summaries."""
    if file.suffix.lower() != ".csv":
        raise DataError(f"{file}: a submission is a .csv file")
    rows = read_rows(file, required=("fname", "summary"), optional=("",))
    text = file.read_text(encoding="utf-8-sig")
    header = next(record for record in csv.reader(io.StringIO(text, newline="")) if record)
    cells = (each.cells for each in rows)
    return Submission(
        header=tuple(header),
        rows=tuple(Row(each.get(""), each["fname"], each["summary"]) for each in cells),
    )


def header(found: Sequence[str]) -> Finding:
    """The header is an unnamed column, fname and summary, in that order."""
    if tuple(found) == HEADER:
        return Finding("header", "ok", f"{','.join(HEADER)}")
    mend = f"the first line has to be {','.join(HEADER)}; hpo predict --submission writes it so"
    return Finding("header", "failure", f"it is {','.join(found)!r}", mend)


def rows_there(rows: Sequence[Row], wanted: Sequence[Example]) -> Finding:
    """Each dialogue of the test file has one row, and there are no others."""
    given, asked = Counter(row.fname for row in rows), Counter(each.fname for each in wanted)
    wrong = [
        f"{what}: {_some(names)}"
        for what, names in (
            ("no summary for", list(asked - given)),
            ("not in the test file", [name for name in given if name not in asked]),
            ("more than once", [name for name, count in given.items() if count > 1]),
        )
        if names
    ]
    text = f"{counted(len(rows), 'row')} for {counted(len(wanted), 'test dialogue')}"
    if not wrong:
        return Finding("rows", "ok", text)
    return Finding("rows", "failure", f"{text}; {'; '.join(wrong)}", "predict the test file again")


def order(rows: Sequence[Row], wanted: Sequence[Example]) -> Finding:
    """The rows stand in the test file's order, and are counted from 0."""
    given, asked = [row.fname for row in rows], [each.fname for each in wanted]
    if Counter(given) != Counter(asked):
        raise NotLookedAt("see the line rows")
    for place, (name, right) in enumerate(zip(given, asked, strict=True)):
        if name != right:
            text = f"row {place} is {name}, where the test file has {right}"
            return Finding("order", "failure", text, "keep the test file's order")
    for place, row in enumerate(rows):
        if row.index != str(place):
            text = f"the unnamed column has {row.index!r} in the row that is to be {place}"
            return Finding("order", "failure", text, "count the rows from 0")
    return Finding("order", "ok", "as in the test file, counted from 0")


def empty(rows: Sequence[Row]) -> Finding:
    """No summary is empty: it would score 0."""
    names = [row.fname for row in rows if not row.summary.strip()]
    if not names:
        return Finding("empty", "ok", "no summary is")
    return Finding("empty", "failure", f"{len(names)}: {_some(names)}", "predict again")


def cut_off(rows: Sequence[Row]) -> Finding:
    """Every summary ends with a sentence."""
    names = [row.fname for row in rows if row.summary.strip() and not _ends(row.summary)]
    if not names:
        return Finding("cut off", "ok", "every summary ends with a sentence")
    end = "ends" if len(names) == 1 else "end"
    text = f"{len(names)} of {len(rows)} {end} in the midst of a sentence: {_some(names)}"
    return Finding("cut off", "warning", text, "raise generation.max_new_tokens")


def tokens(rows: Sequence[Row], own: Iterable[str]) -> Finding:
    """Nothing stands in a summary that is no text: `own` are the model's own tokens."""
    known = sorted(own)
    found: dict[str, list[str]] = {}
    for row in rows:
        for what in dict.fromkeys(_no_text(row.summary, known)):
            found.setdefault(what, []).append(row.fname)
    if not found:
        return Finding("tokens", "ok", r"none of the model's own, no literal \n")
    text = "; ".join(f"{what} in {_some(names)}" for what, names in found.items())
    mend = "hpo predict --submission leaves them out"
    only = set(found) == {LINE_BREAK}
    return Finding("tokens", "warning" if only else "failure", text, mend)


def _no_text(summary: str, own: Sequence[str]) -> list[str]:
    found = [*TOKEN.findall(summary), *(token for token in own if token in summary)]
    found += [f"a literal {each}" for each in BREAKS.findall(summary)]
    if BROKEN.search(summary):
        found.append("a damaged character")
    if "\n" in summary or "\r" in summary:
        found.append(LINE_BREAK)
    return found


def _ends(summary: str) -> bool:
    text = summary.strip()
    return any(match.end() == len(text) for match in SENTENCE_END.finditer(text))


def _file(file: Path, found: Submission) -> Finding:
    return Finding(
        "file", "ok", f"{file}: {counted(len(found.rows), 'summary', 'summaries')} in UTF-8"
    )


def _own_tokens(file: Path, model: Path | None) -> frozenset[str]:
    """The own tokens of the models that wrote the file, where they are still here."""
    quiet_transformers()
    found: frozenset[str] = frozenset()
    for folder in models_of(file, model):
        try:
            found |= own_tokens(read_tokenizer(str(best_model(folder))))
        except TrainerError:  # the line on the score says so
            continue
    return found


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" * (len(names) > SHOWN)
    return ", ".join(names[:SHOWN]) + more
