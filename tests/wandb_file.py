"""Reads what wandb wrote offline: a LevelDB log of protobuf records, each with one thing in it."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

FILE_HEADER = 7  # bytes: ":W&B", a magic number, a version
BLOCK = 32 * 1024  # bytes; a record's chunks never cross a block's end
CHUNK = struct.Struct("<IHB")  # checksum, length, kind
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@dataclass(frozen=True)
class OfflineArtifact:
    """An artifact as a run's file has it; `files`: path in it, and where the file lies here."""

    name: str
    kind: str
    metadata: dict[str, Any]
    files: dict[str, Path]


@dataclass
class OfflineRun:
    """A run as its file has it."""

    run_id: str = ""
    name: str = ""
    group: str = ""
    project: str = ""
    entity: str = ""
    host: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    preempting: bool = False
    artifacts: list[OfflineArtifact] = field(default_factory=list)

    def curve(self, metric: str) -> list[tuple[int, float]]:
        """(step, value) of each row of the history that has the metric."""
        return [(row["_step"], row[metric]) for row in self.history if metric in row]


def runs(folder: Path) -> list[OfflineRun]:
    """The runs in a worker's output folder, by id and then in the order they were begun."""
    files = folder.glob("wandb/offline-run-*/run-*.wandb")
    return sorted((read(file) for file in sorted(files)), key=lambda run: run.run_id)


def read(file: Path) -> OfflineRun:
    """The run in one .wandb file."""
    run = OfflineRun()
    for payload in _payloads(file.read_bytes()):
        record = Record.FromString(payload)
        match record.WhichOneof("record_type"):
            case "run":
                _take_run(run, record.run)
            case "history":
                run.history.append(_values(record.history.item))
            case "summary":
                run.summary |= _values(record.summary.update)
            case "config":
                run.config |= _values(record.config.update)
            case "exit":
                run.exit_code = record.exit.exit_code
            case "artifact":
                run.artifacts.append(_artifact(record.artifact))
            case "preempting":
                run.preempting = True
    return run


def _take_run(run: OfflineRun, record: Any) -> None:
    run.run_id, run.name, run.group = record.run_id, record.display_name, record.run_group
    run.project, run.entity, run.host = record.project, record.entity, record.host
    run.tags, run.notes = tuple(record.tags), record.notes
    run.config |= _values(record.config.update)


def _artifact(record: Any) -> OfflineArtifact:
    files = {entry.path: Path(entry.local_path) for entry in record.manifest.contents}
    return OfflineArtifact(record.name, record.type, json.loads(record.metadata), files)


def _values(items: Any) -> dict[str, Any]:
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


def _payloads(data: bytes) -> Iterator[bytes]:
    assert data.startswith(b":W&B")
    at, parts = FILE_HEADER, b""
    while at + CHUNK.size <= len(data):
        left = BLOCK - at % BLOCK
        if left < CHUNK.size:
            at += left
            continue
        _, length, kind = CHUNK.unpack_from(data, at)
        chunk = data[at + CHUNK.size : at + CHUNK.size + length]
        at += CHUNK.size + length
        parts = chunk if kind in (FULL, FIRST) else parts + chunk
        if kind in (FULL, LAST):
            yield parts
