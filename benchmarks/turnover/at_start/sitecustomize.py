# ruff: noqa: INP001 - a folder on the path, no package: Python looks for this name alone
"""Read by Python as it starts: has a worker's process write when it took its first step.

`hpo worker` is started as it is, so its marks are set from here, once `trainer.fit` is imported.
"""

import json
import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from typing_extensions import override

AFTER = "trainer.fit"


class _Marking(Loader):
    """Executes the module, then sets the marks."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    @override
    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    @override
    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _set_marks(Path(os.environ["HPO_BENCH_MARKS"]))


class _Finder(MetaPathFinder):
    """Finds AFTER as Python does, and has it marked."""

    @override
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname != AFTER:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Marking(spec.loader)
        return spec


def _set_marks(file: Path) -> None:
    from dataclasses import asdict  # noqa: PLC0415 - other Pythons that start here need none of it

    from benchmarks.turnover.marks import Mark, Marks  # noqa: PLC0415

    def on_mark(mark: Mark) -> None:
        if mark.what == "step" and not file.exists():
            told = json.dumps([asdict(marks.first("begin")), asdict(mark)])
            partial = file.with_suffix(".partial")
            partial.write_text(told, encoding="utf-8")
            partial.replace(file)

    marks = Marks(on_mark)
    marks.attach()


if "HPO_BENCH_MARKS" in os.environ:
    sys.meta_path.insert(0, _Finder())
