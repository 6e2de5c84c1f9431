"""How many cores a process may use, as the system and a container's limits tell."""

import os

import pytest

from trainer import cores as cores_of
from trainer.cores import cores
from trainer.device import cpu_threads

LET = len(os.sched_getaffinity(0))


@pytest.fixture
def cgroup(monkeypatch, tmp_path):
    monkeypatch.setattr(cores_of, "CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    return tmp_path


def test_without_a_limit_it_is_what_the_process_is_let_onto(cgroup):
    assert cores() == 64
    (cgroup / "cpu.max").write_text("max 100000\n")
    assert cores() == 64


@pytest.mark.parametrize(
    ("limit", "found"), [("400000 100000", 4), ("150000 100000", 1), ("50000 100000", 1)]
)
def test_a_containers_share_counts_in_whole_cores(cgroup, limit, found):
    (cgroup / "cpu.max").write_text(f"{limit}\n")
    assert cores() == found


def test_a_share_of_more_than_there_is_gives_no_more(cgroup):
    (cgroup / "cpu.max").write_text("9900000 100000\n")
    assert cores() == 64


@pytest.mark.parametrize(("quota", "found"), [("300000", 3), ("-1", 64), ("0", 64), ("x", 64)])
def test_the_first_version_of_cgroups_counts_too(cgroup, quota, found):
    (cgroup / "cpu").mkdir()
    (cgroup / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (cgroup / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cores() == found


def test_a_training_has_no_more_threads_than_its_container_has_cores(cgroup, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    (cgroup / "cpu.max").write_text("100000 100000\n")
    with cpu_threads(LET + 2) as asked:
        assert asked == LET + 2
        with cpu_threads(None) as used:
            assert used == 1
        monkeypatch.setenv("OMP_NUM_THREADS", str(LET + 2))
        with cpu_threads(None) as used:
            assert used == LET + 2
