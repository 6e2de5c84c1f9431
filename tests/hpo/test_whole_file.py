"""A file is there whole or not at all."""

import os
from pathlib import Path

import pytest

from hpo.errors import HpoError
from hpo.whole_file import write_whole


def test_text_is_written_and_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("old", encoding="utf-8")
    write_whole(path, "새 설정\n")
    assert path.read_text(encoding="utf-8") == "새 설정\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(HpoError, match=r"cannot write .*nowhere/config.yaml: No such file"):
        write_whole(tmp_path / "nowhere/config.yaml", "text")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "config.yaml"
    path.write_text("old", encoding="utf-8")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HpoError, match="No space left on device"):
        write_whole(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_regular_file_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, "text")
        assert os.read(reader, 100) == b"text"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real/config.yaml", tmp_path / "latest.yaml"
    link.symlink_to(target)
    write_whole(link, "new")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"


def test_who_may_read_a_new_file_the_umask_says(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    before = os.umask(0o077)
    try:
        write_whole(path, "text")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o640)
    write_whole(path, "new")
    assert path.stat().st_mode & 0o777 == 0o640
