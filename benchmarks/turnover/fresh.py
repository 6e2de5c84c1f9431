"""A peer: one training in a fresh process, as `wandb agent` and most launchers start it.

Run as `python -m benchmarks.turnover.fresh MATERIAL`; prints its marks as a line of JSON.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.turnover.marks import Marks
from benchmarks.turnover.material import Material
from benchmarks.turnover.recipe import load_model, recipe


def main(folder: Path) -> None:
    """Train once."""
    torch.set_num_threads(1)
    material, marks = Material.read(folder), Marks()
    with TemporaryDirectory() as output, marks.noting():
        model = load_model(material.model)
        recipe(model, name=material.model, data=material.data, output=output, marks=marks).train()
    kept = (marks.first("begin"), marks.first("step"), marks.last("end"))
    print(json.dumps([asdict(mark) for mark in kept]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
