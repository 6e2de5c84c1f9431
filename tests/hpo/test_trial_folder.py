"""Folders of trials stay under the output folder, whatever a study is called."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.run_names import run_id
from hpo.trial_folder import study_folder, trial_folder

ROOT = Path("/out")
KEYS = st.none() | st.text(max_size=20)
NAMES = st.text(min_size=1, max_size=600)


def test_a_studys_folder_is_named_like_its_runs_in_w_and_b() -> None:
    folder = study_folder("kobart", "551385aedd")
    assert trial_folder(ROOT / folder, 7) == ROOT / folder / "trial_00007"
    assert run_id("kobart", "551385aedd", 7) == f"{folder}-t7"


def test_two_databases_studies_of_one_name_have_a_folder_each() -> None:
    assert study_folder("kobart", "one") != study_folder("kobart", "two")


def test_a_study_made_before_has_the_folder_named_like_it() -> None:
    assert study_folder("kobart", None) == "kobart"
    assert study_folder("한국어 요약", None) == "한국어 요약"


@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize("name", ["..", ".", "../up", "a/b", "a\\b", "x" * 300, "a'b"])
def test_other_names_get_a_folder_of_their_own(name: str, key: str | None) -> None:
    folder = study_folder(name, key)
    assert (ROOT / folder).parent == ROOT
    assert folder not in {"", ".", ".."}
    assert len(folder) < 120


@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize("letter", ["x", "한", "\U00020000"])
def test_a_name_of_any_length_fits_a_file_system(
    letter: str, key: str | None, tmp_path: Path
) -> None:
    folder = tmp_path / study_folder(letter * 512, key)
    folder.mkdir()
    assert folder.name.startswith(letter)


@given(NAMES, KEYS, NAMES, KEYS)
def test_two_studies_never_share_a_folder_and_none_leaves_the_root(
    one: str, key: str | None, two: str, other: str | None
) -> None:
    first, second = study_folder(one, key), study_folder(two, other)
    assert (ROOT / first).parent == (ROOT / second).parent == ROOT
    assert "\0" not in first
    assert (first == second) == ((one, key) == (two, other))
