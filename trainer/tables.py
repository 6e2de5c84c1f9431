"""Reads CSV and JSONL files into rows of text, or says which file, row and column is wrong.

A row's number is the one that a person sees: the spreadsheet's row of a CSV file (the header is
row 1, a cell of many lines is still one row), the line of a JSONL file.
"""

import csv
import io
import json
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from trainer.errors import DataError

SUFFIXES = (".csv", ".jsonl")
SAVE_AS_UTF8 = "save it as UTF-8 (in Excel: CSV UTF-8)"
OTHER_SEPARATORS = (";", "\t", "|")
HALF_CHARACTER = re.compile("[\ud800-\udfff]")
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Row:
    """One row: where it stands, as "train.csv, row 7", and its text by column."""

    place: str
    cells: Mapping[str, str]


def read_rows(path: Path, *, required: Sequence[str], optional: Sequence[str] = ()) -> list[Row]:
    """Return the rows of a .csv or .jsonl file (UTF-8, with or without a byte order mark).

    Columns that are neither required nor optional are left out. Cells may be empty. Raises
    DataError for everything that is not a whole table with the required columns.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"{path}: data files end in .csv or .jsonl")
    text = _text(path)
    if not text.strip():
        raise DataError(f"{path}: the file is empty; it needs the columns {', '.join(required)}")
    wanted = (*required, *optional)
    if path.suffix.lower() == ".jsonl":
        return list(_json_lines(path, text, required=required, wanted=wanted))
    return list(_csv_rows(path, text, required=required, wanted=wanted))


def _text(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{path}: is no file")  # a pipe would be waited for
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if raw.startswith(UTF16_MARKS):
        raise DataError(f"{path}: is written in UTF-16; {SAVE_AS_UTF8}")
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        place = _place_of(error.start, raw=raw, path=path)
        raise DataError(
            f"{place}: byte 0x{raw[error.start]:02x} at position {error.start} is not UTF-8"
            f"{_guess(raw)}; {SAVE_AS_UTF8}"
        ) from error
    if "\0" in text:
        place = _place_of(raw.index(b"\0"), raw=raw, path=path)
        raise DataError(f"{place}: holds a NUL character, as no text does; {SAVE_AS_UTF8}")
    return text


def _place_of(position: int, *, raw: bytes, path: Path) -> str:
    # One letter stands for the byte that cannot be read, so that its row and cell have begun.
    before = raw[:position].decode("utf-8").removeprefix("\ufeff") + "x"
    if path.suffix.lower() == ".jsonl":
        return f"{path}, line {before.count(chr(10)) + 1}"
    try:
        records = list(csv.reader(io.StringIO(before, newline="")))
    except csv.Error:
        return str(path)
    header, last = records[0], records[-1]
    in_table = len(records) > 1 and len(last) <= len(header)
    column = f", column {_printable(header[len(last) - 1])}" if in_table else ""
    return f"{path}, row {len(records)}{column}"


def _guess(raw: bytes) -> str:
    try:
        raw.decode("cp949")
    except UnicodeDecodeError:
        return ""
    return " (it looks like CP949, the encoding of Korean Windows)"


def _csv_rows(
    path: Path, text: str, *, required: Sequence[str], wanted: Sequence[str]
) -> Iterator[Row]:
    records = _csv_records(path, text)
    _, header = next(records)
    for column in header:
        if column in wanted and header.count(column) > 1:
            raise DataError(f"{path}, row 1: two columns are named {column}")
    if len(header) == 1 and (separator := _other_separator(header[0])):
        raise DataError(
            f"{path}, row 1: the columns are separated by {separator!r}; save it with commas"
        )
    _require(required, header, place=f"{path}, row 1")
    for number, cells in records:
        place = f"{path}, row {number}"
        if len(cells) != len(header):
            raise DataError(
                f"{place}: has {len(cells)} cells, and the header names {len(header)} columns; "
                "put a text with commas, quotation marks or lines in quotation marks"
            )
        by_column = dict(zip(header, cells, strict=True))
        yield Row(place, {name: by_column[name] for name in wanted if name in by_column})


def _csv_records(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with its row number; a wholly blank line has a number, but no record."""
    number = 0
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), 1):
            if cells:
                yield number, cells
    except csv.Error as error:
        raise DataError(
            f"{path}, row {number + 1}: {error}; is a quotation mark missing, or one too many?"
        ) from error


def _other_separator(header: str) -> str | None:
    return next((sign for sign in OTHER_SEPARATORS if sign in header), None)


def _json_lines(
    path: Path, text: str, *, required: Sequence[str], wanted: Sequence[str]
) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            wrong = f"{error.msg} at character {error.pos + 1}"
            raise DataError(f"{place}: is not JSON ({wrong}); each line is one object") from error
        except (RecursionError, ValueError) as error:  # a number of more digits than Python reads
            raise DataError(
                f"{place}: is not JSON of ours: {error}; is the line damaged?"
            ) from error
        if not isinstance(value, dict):
            raise DataError(
                f'{place}: is not a JSON object; each line is one, as in {{"fname": …}}'
            )
        _require(required, list(value), place=place)
        yield Row(
            place, {name: _cell(value[name], name, place) for name in wanted if name in value}
        )


def _cell(value: object, column: str, place: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{place}, column {column}: {value!r} is not a text; put it in quotes")
    if "\0" in value:
        raise DataError(f"{place}, column {column}: holds a NUL character (\\u0000); take it out")
    if HALF_CHARACTER.search(value):
        raise DataError(f"{place}, column {column}: holds half a character (\\ud800 to \\udfff)")
    return value


def _require(required: Sequence[str], present: Sequence[str], *, place: str) -> None:
    for column in required:
        if column not in present:
            near = get_close_matches(column, present, n=1, cutoff=0.5)
            there = ", ".join(map(_printable, present)) or "none"
            instead = f"rename {_printable(near[0])}" if near else f"there are {there}"
            raise DataError(f"{place}: there is no column {column}; {instead}")


def _printable(column: str) -> str:
    """Keep a message on one line, and a terminal as it is, whatever stands in a damaged header."""
    return column if column.isprintable() else repr(column)
