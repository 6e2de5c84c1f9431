"""A cache that many processes share, that may be damaged, and that may not be writable."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trainer.array_cache import Arrays, cached_arrays

# Each process writes a line when it really makes the arrays.
PROCESS = """
import sys, time
from pathlib import Path
import numpy as np
from trainer.array_cache import cached_arrays

folder = Path(sys.argv[1])

def make():
    with open(sys.argv[2], "a") as made:
        made.write("made\\n")
    time.sleep(0.3)
    return {"ids": np.arange(50_000, dtype=np.int32)}

print(int(cached_arrays(folder, "key", make)["ids"].sum()))
"""
TOTAL = "1249975000"
FULL_DISK = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
"""


class Maker:
    """Makes arrays and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> Arrays:
        self.calls += 1
        return {"ids": np.array([3, 1, 2], dtype=np.int32), "none": np.array([], dtype=np.int32)}


@pytest.fixture
def make() -> Maker:
    return Maker()


def start(*arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", *arguments], stdout=pipe, stderr=pipe, text=True)


def test_second_call_reads_what_the_first_made(tmp_path: Path, make: Maker) -> None:
    first = cached_arrays(tmp_path / "new" / "folder", "key", make)
    second = cached_arrays(tmp_path / "new" / "folder", "key", make)
    assert make.calls == 1
    for name, array in first.items():
        assert second[name].dtype == array.dtype
        assert second[name].tolist() == array.tolist()


def test_other_key_is_made_anew(tmp_path: Path, make: Maker) -> None:
    cached_arrays(tmp_path, "one", make)
    cached_arrays(tmp_path, "two", make)
    assert make.calls == 2


def test_no_folder_caches_nothing(make: Maker) -> None:
    cached_arrays(None, "key", make)
    cached_arrays(None, "key", make)
    assert make.calls == 2


@pytest.mark.parametrize("keep", [0, 7, 60, -1])
def test_file_that_was_cut_off_is_made_again(
    tmp_path: Path, make: Maker, caplog: pytest.LogCaptureFixture, keep: int
) -> None:
    cached_arrays(tmp_path, "key", make)
    path = tmp_path / "key.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    assert cached_arrays(tmp_path, "key", make)["ids"].tolist() == [3, 1, 2]
    assert make.calls == 2
    assert "is damaged" in caplog.text
    cached_arrays(tmp_path, "key", make)
    assert make.calls == 2


def test_single_changed_byte_is_noticed(
    tmp_path: Path, make: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    cached_arrays(tmp_path, "key", make)
    path = tmp_path / "key.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert cached_arrays(tmp_path, "key", make)["ids"].tolist() == [3, 1, 2]
    assert "its checksum differs" in caplog.text


def test_any_other_file_in_the_place_is_replaced(tmp_path: Path, make: Maker) -> None:
    (tmp_path / "key.safetensors").write_text(json.dumps({"no": "arrays"}))
    cached_arrays(tmp_path, "key", make)
    cached_arrays(tmp_path, "key", make)
    assert make.calls == 1


def test_processes_that_start_together_make_it_once(tmp_path: Path) -> None:
    made = tmp_path / "made"
    processes = [start(PROCESS, str(tmp_path / "cache"), str(made)) for _ in range(4)]
    results = [process.communicate(timeout=60) for process in processes]
    assert [out.strip() for out, _ in results] == [TOTAL] * 4, results
    assert made.read_text() == "made\n"


def test_process_killed_while_making_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    cache, made = tmp_path / "cache", tmp_path / "made"
    killed = start(PROCESS.replace("0.3", "60"), str(cache), str(made))
    while not made.exists():
        assert killed.poll() is None, killed.communicate()
    killed.kill()
    killed.communicate()
    (cache / ".key.12345.partial").write_bytes(b"half")
    out, err = start(PROCESS, str(cache), str(made)).communicate(timeout=60)
    assert out.strip() == TOTAL, err
    assert sorted(path.suffix for path in cache.iterdir()) in (
        [".lock", ".safetensors"],
        [".safetensors"],
    )


def test_full_disk_costs_the_cache_and_not_the_arrays(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    out, err = start(FULL_DISK + PROCESS, str(cache), str(tmp_path / "made")).communicate()
    assert out.strip() == TOTAL, err
    assert "going on without it" in err
    assert not list(cache.glob("*key*safetensors"))
    assert not list(cache.glob("*.partial"))


def test_folder_that_cannot_be_made_is_done_without(
    tmp_path: Path, make: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    with caplog.at_level(logging.WARNING):
        arrays = cached_arrays(tmp_path / "file" / "cache", "key", make)
    assert arrays["ids"].tolist() == [3, 1, 2]
    assert "going on without one" in caplog.text


def test_what_making_raises_is_raised_and_nothing_is_kept(tmp_path: Path, make: Maker) -> None:
    def fail() -> Arrays:
        raise ValueError("no texts")

    with pytest.raises(ValueError, match="no texts"):
        cached_arrays(tmp_path, "key", fail)
    cached_arrays(tmp_path, "key", make)
    assert make.calls == 1
