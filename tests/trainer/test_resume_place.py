"""Where resume states lie: one contract, in a folder and in an object store."""

import errno
import os
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest

from trainer.errors import TrainerError
from trainer.resume_objects import ObjectPlace, open_place, shown
from trainer.resume_place import MANIFEST, FolderPlace, Place
from trainer.resume_store import open_resume_store


@pytest.fixture(params=["folder", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    root = tmp_path / "root" if request.param == "folder" else f"memory://{uuid4().hex}/hpo"
    return open_place(root, "study/trial_00001/resume")


def put(place: Place, entry: str, **files: str) -> None:
    with place.writing(entry) as writer:
        for name, text in files.items():
            with writer.file(name) as output:
                output.write(memoryview(text.encode()))
        with writer.file(MANIFEST) as output:
            output.write(memoryview(b"{}"))


def test_entry_is_there_when_its_block_ends(place: Place) -> None:
    assert place.entries() == []
    put(place, "one", a="first", b="second")
    assert place.entries() == ["one"]
    assert place.read("one", "b") == b"second"
    with pytest.raises(FileNotFoundError):
        place.read("one", "c")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_entry_whose_block_raises_was_never_there(place: Place, error: BaseException) -> None:
    def write_half() -> None:
        with place.writing("one") as writer:
            with writer.file("a") as output:
                output.write(memoryview(b"half"))
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert (place.entries(), place.leftovers()) == ([], [])


def test_entry_without_a_manifest_is_a_leftover(place: Place) -> None:
    """As a killed process leaves it."""
    put(place, "whole")
    if isinstance(place, FolderPlace):
        (place.folder / ".half.partial").mkdir()
        (place.folder / ".half.partial" / "a").write_text("ha")
    else:
        assert isinstance(place, ObjectPlace)
        with place.opened("half", "a") as output:
            output.write(memoryview(b"ha"))
    assert (place.entries(), place.leftovers()) == (["whole"], ["half"])
    place.remove("half")
    assert (place.entries(), place.leftovers()) == (["whole"], [])


def test_taken_files_come_back(place: Place, tmp_path: Path) -> None:
    model = tmp_path / "model.safetensors"
    model.write_bytes(b"weights")
    with place.writing("model") as writer:
        writer.take(model)
        with writer.file(MANIFEST) as output:
            output.write(memoryview(b"{}"))
    model.unlink()
    place.fetch("model", model.name, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == b"weights"


def test_removing_and_clearing_what_is_not_there_is_no_error(place: Place) -> None:
    place.remove("nothing")
    place.clear()
    put(place, "one")
    put(place, "two")
    place.remove("one")
    assert place.entries() == ["two"]
    place.clear()
    assert place.entries() == []


def test_taken_file_is_linked_and_not_copied_on_one_file_system(tmp_path: Path) -> None:
    place = FolderPlace(tmp_path, "s/resume")
    model = tmp_path / "model"
    model.write_bytes(b"weights")
    with place.writing("model") as writer:
        writer.take(model)
    assert (place.folder / "model" / "model").stat().st_ino == model.stat().st_ino


def test_taken_file_is_copied_where_no_link_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    place = FolderPlace(tmp_path, "s/resume")
    model = tmp_path / "model"
    model.write_bytes(b"weights")
    with place.writing("model") as writer:
        writer.take(model)
    assert (place.folder / "model" / "model").read_bytes() == b"weights"


def test_clearing_leaves_what_is_beside_the_states(tmp_path: Path) -> None:
    store = open_resume_store(tmp_path, "study/trial_00001")
    put(store.place, "one")
    other = open_resume_store(tmp_path, "study/trial_00002")
    put(other.place, "one")
    (tmp_path / "study" / "trial_00002" / "scores.json").write_text("{}")
    store.clear()
    other.clear()
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()] == [
        "study/trial_00002/scores.json"
    ]
    assert not (tmp_path / "study" / "trial_00001").exists()


def test_file_url_is_a_folder(tmp_path: Path) -> None:
    put(open_place(f"file://{tmp_path}/root", "s"), "one")
    assert (tmp_path / "root" / "s" / "one" / MANIFEST).is_file()


@pytest.mark.parametrize("name", ["../other", "a/../../b", "/etc", ""])
def test_name_that_leads_out_of_the_root_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrainerError, match="is no name for a resume state"):
        open_resume_store(tmp_path, name)


def test_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainerError, match="is no folder and can't be made one"):
        open_resume_store(tmp_path / "file", "s/trial_00001")


def test_missing_package_is_named_and_secrets_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(TrainerError) as caught:
        open_resume_store("s3://key:secret@bucket/hpo", "s/trial_00001")
    assert str(caught.value) == (
        "the checkpoint root s3://***@bucket/hpo needs the package s3fs, which is not installed; "
        "install it with pip"
    )


def test_unknown_kind_of_url_is_refused_in_one_line() -> None:
    with pytest.raises(TrainerError, match="the checkpoint root nonsense://x cannot be used"):
        open_resume_store("nonsense://x", "s/trial_00001")


def test_root_is_shown_without_credentials_and_query() -> None:
    assert shown("abfs://me:pw@host/x?sig=secret") == "abfs://***@host/x"
    assert shown("s3://bucket/hpo") == "s3://bucket/hpo"
