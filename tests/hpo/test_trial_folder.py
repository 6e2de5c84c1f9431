"""Folders of trials stay under the output folder, whatever a study is called."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.trial_folder import study_folder, trial_folder

ROOT = Path("/out")


def test_a_plain_name_is_the_folder() -> None:
    assert trial_folder(ROOT, "kobart", 7) == Path("/out/kobart/trial_00007")


def test_korean_names_are_plain() -> None:
    assert study_folder(ROOT, "한국어 요약").name == "한국어 요약"


@pytest.mark.parametrize("name", ["..", ".", "../up", "a/b", "a\\b", "x" * 300, "a'b"])
def test_other_names_get_a_folder_of_their_own(name: str) -> None:
    folder = study_folder(ROOT, name)
    assert folder.parent == ROOT
    assert folder.name not in {"", ".", ".."}
    assert len(folder.name) < 120


@pytest.mark.parametrize("letter", ["x", "한", "\U00020000"])
def test_a_name_of_any_length_fits_a_file_system(letter: str, tmp_path: Path) -> None:
    folder = study_folder(tmp_path, letter * 512)
    folder.mkdir()
    assert folder.name.startswith(letter)


@given(st.text(min_size=1, max_size=600), st.text(min_size=1, max_size=600))
def test_two_studies_never_share_a_folder_and_none_leaves_the_root(one: str, two: str) -> None:
    first, second = study_folder(ROOT, one), study_folder(ROOT, two)
    assert first.parent == second.parent == ROOT
    assert "\0" not in first.name
    assert (first == second) == (one == two)
