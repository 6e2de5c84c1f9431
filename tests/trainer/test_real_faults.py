"""Memory that really runs out, and a device that is really lost: each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.load import dump
from config.schema import Configuration

TRAIN = """
import sys
from pathlib import Path
import torch
from config.load import load
from trainer.data import locate_data
from trainer.fit import fit
from trainer.micro_batch import InProcess
from trainer.session import TrainingSession

def train(config, memory=None):
    result = fit(config, lambda _: True, session=session, output_dir=folder / "out",
                 micro_batches=memory)
    return [each.train_loss for each in result.evaluations]

folder = Path(sys.argv[1])
config = load(str(folder / "settings.yaml"))
session = TrainingSession(locate_data(config.general.data_path), folder / "cache")
memory = InProcess()
"""

LIMIT_ADDRESS_SPACE = """
import resource
plenty = train(config)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]) * 2**20,) * 2)
close = all(abs(a - b) < 0.01 for a, b in zip(train(config, memory), plenty))
print(close, *memory._sizes.values())
"""

LIMIT_CARD = """
def reserved(size):
    memory = InProcess()
    memory.known = lambda key: size
    torch.cuda.reset_peak_memory_stats()
    losses = train(config, memory)
    return torch.cuda.max_memory_reserved(), losses

reserved(1)
little, _ = reserved(1)
much, plenty = reserved(16)
print(little, much, file=sys.stderr)
total = torch.cuda.get_device_properties(0).total_memory
torch.cuda.set_per_process_memory_fraction((little + much) / 2 / total)
found = train(config, memory)
close = all(abs(a - b) < 0.01 for a, b in zip(found, plenty))
print(close, *memory._sizes.values())
"""

ASSERT_ON_DEVICE = """
import sys
import torch
from trainer.device_errors import device_errors_named
from trainer.errors import DeviceLost

def lost(what):
    try:
        with device_errors_named():
            what()
            torch.cuda.synchronize()
    except DeviceLost as error:
        print("lost:", error)

table = torch.zeros(4, device="cuda")
lost(lambda: table[torch.tensor([9], device="cuda")])
lost(lambda: torch.ones(2, device="cuda"))
sys.stdout.flush()
"""


def started(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
    )


def run(program: str, *words: str) -> str:
    return printed_by(started(program, *words))


def printed_by(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def wide(tiny_config, tmp_path: Path) -> Configuration:
    """A training that needs little for its weights and much for each example."""
    config = tiny_config(
        general={"cpu_threads": 1, "data_path": tiny_config().general.data_path},
        model={"architecture": {"dropout": 0.0, "encoder_ffn_dim": 20_000}},
        training={
            "per_device_train_batch_size": 16,
            "per_device_eval_batch_size": 6,
            "num_train_epochs": 1,
            # in bf16 oneDNN wants new pages for the code of each product, and here there are none
            "precision": "fp32",
        },
    )
    (tmp_path / "settings.yaml").write_text(dump(config), encoding="utf-8")
    return config


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to RLIMIT_AS")
def test_a_real_allocation_failure_on_the_cpu_is_survived_with_the_same_losses(
    wide: Configuration, tmp_path: Path
) -> None:
    # How much one example needs differs from CPU to CPU and from run to run: it may be too little
    # for one, or enough for all.
    for spare in ("60", "90", "110", "130"):
        done = started(TRAIN + LIMIT_ADDRESS_SPACE, str(tmp_path), spare)
        if done.returncode == 0 and int(done.stdout.split()[1]) < 16:
            break
        assert done.returncode == 0 or "do not fit in memory" in done.stderr, done.stderr
    close, *sizes = printed_by(done).split()
    assert close == "True"
    assert 1 <= int(sizes[0]) < 16


@pytest.mark.gpu
def test_a_real_allocation_failure_on_the_gpu_is_survived_with_the_same_losses(
    wide: Configuration, tmp_path: Path
) -> None:
    close, *sizes = run(TRAIN + LIMIT_CARD, str(tmp_path)).split()
    assert close == "True"
    assert 1 <= int(sizes[0]) < 16


@pytest.mark.gpu
def test_a_real_assert_on_the_device_is_a_lost_device_from_then_on() -> None:
    done = started(ASSERT_ON_DEVICE)  # its exit status is that of a process with a broken context
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done.stderr
    assert all(line.startswith("lost: ") for line in lines)
    assert "device-side assert" in lines[0]
