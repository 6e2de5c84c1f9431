"""Dialogues and their summaries, read from CSV or JSONL; nothing is dropped silently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from config import sections
from config.sample import locate
from trainer.errors import DataError
from trainer.tables import SUFFIXES, Row, read_rows

FURTHER_SUMMARIES = ("summary2", "summary3")
BY_FOLDER = "say where train and dev lie: --data FOLDER"
BY_NAME = "name each in the configuration: general.data_path: {train: a.csv, dev: b.csv}"


@dataclass(frozen=True)
class DataFiles:
    """The files of one data set; `test` has no summaries, None: there is none."""

    train: Path
    dev: Path
    test: Path | None


@dataclass(frozen=True)
class Example:
    """A dialogue with its reference summaries; the first is the one to learn from."""

    fname: str
    dialogue: str
    summaries: tuple[str, ...]
    topic: str | None = None


def locate_data(data_path: str | sections.DataFiles) -> DataFiles:
    """Return the files of `general.data_path`: a folder with train, dev and test, or each by name.

    Raises DataError when train or dev is missing, or a name is there as .csv and as .jsonl.
    """
    try:
        return _located(data_path)
    except (OSError, ValueError, RuntimeError) as error:  # too long, NUL, nobody's ~home
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"general.data_path {str(data_path)!r} cannot be used: {reason}") from error


def present_files(data_path: str | sections.DataFiles) -> dict[str, Path]:
    """Return which of train, dev and test there are, by name; a folder may hold train alone.

    For looking at data: what trains needs dev as well, see `locate_data`. Raises DataError as that
    does.
    """
    folder = locate(data_path) if isinstance(data_path, str) else None
    if folder is not None and _is_folder(folder):
        found = {"train": _needed(folder, "train")}
        others = {name: _find(folder, name) for name in ("dev", "test")}
        return found | {name: path for name, path in others.items() if path is not None}
    files = locate_data(data_path)
    found = {"train": files.train, "dev": files.dev}
    return found if files.test is None else {**found, "test": files.test}


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # too long, NUL: `locate_data` says so
        return False


def _located(data_path: str | sections.DataFiles) -> DataFiles:
    if isinstance(data_path, str):
        return _in_folder(locate(data_path))
    files = DataFiles(
        train=locate(data_path.train),
        dev=locate(data_path.dev),
        test=locate(data_path.test) if data_path.test else None,
    )
    for role, path in (("train", files.train), ("dev", files.dev), ("test", files.test)):
        if path is not None and not path.is_file():
            raise DataError(f"there is no file {path}, which general.data_path.{role} names")
    return files


def read_examples(path: Path, *, need_summary: bool) -> list[Example]:
    """Return a file's examples in its order, with texts as they are written.

    Columns: fname, dialogue, summary (only with `need_summary` it has to be there and filled in);
    also topic, and summary2 and summary3 as further references, where there are any. Raises
    DataError with the file, row and column.
    """
    required = ("fname", "dialogue", *(("summary",) if need_summary else ()))
    rows = read_rows(path, required=required, optional=("summary", *FURTHER_SUMMARIES, "topic"))
    if not rows:
        raise DataError(f"{path}: there are no rows below the header")
    _check_filled(rows, required)
    _check_distinct(rows, path)
    return [_example(row.cells) for row in rows]


def fingerprint(files: DataFiles) -> str:
    """Return a SHA-256 (hex) over the bytes of train and dev, wherever the files lie."""
    parts = []
    for path in (files.train, files.dev):
        try:
            parts.append(sha256(path.read_bytes()).digest())
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    return sha256(b"".join(parts)).hexdigest()


def _in_folder(folder: Path) -> DataFiles:
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}, which general.data_path names; {BY_FOLDER}")
    return DataFiles(
        train=_needed(folder, "train"), dev=_needed(folder, "dev"), test=_find(folder, "test")
    )


def _needed(folder: Path, name: str) -> Path:
    path = _find(folder, name)
    if path is None:
        present = ", ".join(sorted(entry.name for entry in folder.iterdir()))
        looked_for = " or ".join(name + suffix for suffix in SUFFIXES)
        if not present:
            raise DataError(f"no {looked_for} in {folder}, which is empty; {BY_FOLDER}")
        raise DataError(f"no {looked_for} in {folder}, only {present}; {BY_NAME}")
    return path


def _find(folder: Path, name: str) -> Path | None:
    found = [path for suffix in SUFFIXES if (path := folder / (name + suffix)).is_file()]
    if len(found) > 1:
        both = " and ".join(path.name for path in found)
        raise DataError(f"{folder} has {both}; take one away, or {BY_NAME}")
    return found[0] if found else None


def _check_filled(rows: Sequence[Row], columns: Sequence[str]) -> None:
    for row in rows:
        for column in columns:
            if not row.cells[column].strip():
                raise DataError(
                    f"{row.place}, column {column}: is empty; fill it in or take the row out"
                )


def _check_distinct(rows: Sequence[Row], path: Path) -> None:
    seen: dict[str, str] = {}
    for row in rows:
        fname = row.cells["fname"]
        if fname in seen:
            raise DataError(
                f"{row.place}, column fname: {fname!r} is also in {seen[fname]}; "
                "give each dialogue a name of its own"
            )
        seen[fname] = row.place.removeprefix(f"{path}, ")


def _example(cells: Mapping[str, str]) -> Example:
    texts = [cells.get(column, "") for column in ("summary", *FURTHER_SUMMARIES)]
    return Example(
        fname=cells["fname"],
        dialogue=cells["dialogue"],
        summaries=tuple(text for text in texts if text.strip()),
        topic=cells.get("topic", "").strip() or None,
    )
