"""The NVIDIA cards of this machine, without taking memory on any of them.

torch knows which ones a training here would see; nvidia-smi knows the driver, and what is free.
"""

import csv
import io
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

import torch

FIELDS = ("uuid", "name", "driver_version", "memory.total", "memory.free")
ANSWER_S = 20  # nvidia-smi takes seconds where no process keeps the driver awake
MIB = 1024**2


@dataclass(frozen=True)
class Listed:
    """A card as nvidia-smi lists it; memory in bytes, None where it does not tell."""

    name: str
    driver: str
    total: int | None
    free: int | None


@dataclass(frozen=True)
class Card:
    """A card that a training here would see; `free` and `driver` None where nobody tells."""

    name: str
    capability: tuple[int, int]
    total: int
    free: int | None
    driver: str | None


def listed() -> dict[str, Listed]:
    """What nvidia-smi lists, by the card's UUID; nothing where it is not there or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    command = [program, f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(  # noqa: S603 - the system's own tool
            command, capture_output=True, text=True, timeout=ANSWER_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return parsed(told.stdout)


def parsed(text: str) -> dict[str, Listed]:
    """The lines of nvidia-smi's list; others are passed over."""
    found = {}
    for row in csv.reader(io.StringIO(text), skipinitialspace=True):
        if len(row) == len(FIELDS):
            uuid, name, driver, total, free = row
            found[uuid.removeprefix("GPU-")] = Listed(name, driver, _bytes(total), _bytes(free))
    return found


def visible(known: Mapping[str, Listed]) -> list[Card]:
    """The cards that torch would use, the first one first; none without CUDA."""
    if not torch.cuda.is_available():
        return []
    cards = []
    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)  # takes no memory, unlike its use
        there = known.get(str(properties.uuid).removeprefix("GPU-"))
        cards.append(
            Card(
                name=properties.name,
                capability=(properties.major, properties.minor),
                total=properties.total_memory,
                free=there.free if there else None,
                driver=there.driver if there else None,
            )
        )
    return cards


def why_none() -> str:
    """Why torch finds no card where there is one."""
    if torch.version.cuda is None:
        return "it is built without CUDA"
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]  # torch gives it no types
    except (RuntimeError, AssertionError) as error:
        return str(error).splitlines()[0]
    return "CUDA_VISIBLE_DEVICES hides it, or it is switched to another use"


def _bytes(mib: str) -> int | None:
    return int(mib) * MIB if mib.strip().isdigit() else None
