"""The physical limit: copying the weights into a model that is there. Nothing else is done.

Run as `python -m benchmarks.turnover.weight_copy MATERIAL TIMES`; prints seconds as JSON.
"""

import json
import sys
import time
from pathlib import Path

import torch

from benchmarks.turnover.material import Material
from benchmarks.turnover.recipe import load_model


def main(folder: Path, times: int) -> None:
    """Copy again and again."""
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = load_model(Material.read(folder).model).to(device)  # type: ignore[arg-type]
    start = [tensor.detach().clone() for tensor in model.parameters()]
    print(json.dumps([_copy(model, start) for _ in range(times)]), flush=True)


def _copy(model: torch.nn.Module, start: list[torch.Tensor]) -> float:
    started = time.perf_counter()
    with torch.no_grad():
        for tensor, source in zip(model.parameters(), start, strict=True):
            tensor.copy_(source)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
