"""The file that an import writes: the configuration, and above it what is not in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from config import yaml_text
from config.load import DEFAULT_PRESET, dump
from config.schema import Configuration
from config.sweep.importing import Imported
from config.sweep.parameters import nearest_line


def study_text(imported: Imported, path: Path, *, base: str | None = None) -> str:
    """Write the configuration: what the sweep says over the preset, or all of it over a `base`."""
    comments = list(_comments(imported, path))
    if base is not None:
        return dump(imported.config, comments=[*comments, f"The rest is that of {base}."])
    comments.append(f"What is not written here is the preset's: hpo config show {DEFAULT_PRESET}")
    sections = {
        key: imported.layer[key] for key in Configuration.model_fields if key in imported.layer
    }
    layer = {"preset": DEFAULT_PRESET, **sections}
    return yaml_text.commented(comments) + yaml_text.write(layer)


def _comments(imported: Imported, path: Path) -> Iterator[str]:
    called = f" {imported.name}" if imported.name else ""
    yield f"The W&B sweep{called} ({path.name}), taken over by hpo import-sweep."
    yield from map(str, imported.notes)
    if not imported.left:
        return
    yield "NOT TAKEN OVER, for hpo has no equivalent:"
    for one in imported.left:
        yield f"  {one}"
        nearest = nearest_line(one)
        if nearest is not None:
            yield f"    nearest: {nearest}"
