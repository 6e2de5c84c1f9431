"""`hpo check` on disks that are too small: what does not fit is said before the search begins."""

from pathlib import Path

import pytest

from hpo.check.disk import Room, disk_finding

MODEL = 200 * 1024


def room(output: Path, *, trials: int, checkpoints: str | None = None) -> Room:
    return Room(output, checkpoints, models=MODEL, resume=MODEL // 2, trials=trials)


@pytest.mark.parametrize(("trials", "level"), [(1, "ok"), (20, "warning")])
def test_a_disk_that_holds_one_trial_is_told_from_one_that_holds_all(
    small_disk: Path, trials: int, level: str
) -> None:
    found = disk_finding(room(small_disk / "outputs" / "new", trials=trials))
    assert found.level == level
    assert (level == "ok") == (not found.mend)
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("small_disk", [256], indirect=True)
def test_a_disk_that_holds_no_trial_is_a_failure(small_disk: Path) -> None:
    found = disk_finding(room(small_disk, trials=1))
    assert found.level == "failure"
    assert "--output" in found.mend


def test_a_full_disk_is_a_failure(full_disk: Path) -> None:
    found = disk_finding(room(full_disk, trials=1))
    assert found.level == "failure"
    assert "No space left" in found.text


def test_where_nothing_can_be_made_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert disk_finding(room(tmp_path / "file" / "outputs", trials=1)).level == "failure"


def test_checkpoints_elsewhere_are_looked_at_too(small_disk: Path, tmp_path: Path) -> None:
    fits = disk_finding(room(tmp_path, trials=1, checkpoints=str(small_disk)))
    assert fits.level == "ok"
    large = Room(tmp_path, str(small_disk), models=MODEL, resume=9 * MODEL, trials=1)
    found = disk_finding(large)
    assert found.level == "failure"
    assert str(small_disk) in found.text


@pytest.mark.parametrize("root", ["nothing://bucket/hpo", "s3://"])
def test_a_checkpoint_root_that_nobody_can_open_is_a_failure(tmp_path: Path, root: str) -> None:
    assert disk_finding(room(tmp_path, trials=1, checkpoints=root)).level == "failure"
