"""Wrong input of every kind: one line that names it, the right status, and nothing changed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_input.case import Case, error_lines, put, snapshot
from bad_input.registry import CASES, SUBJECTS
from click.testing import CliRunner
from trained_trial import trained_trial

from hpo.cli import main
from storage.connect import connect
from storage.url import StorageURL

SHORT_S = 120  # a case that waits for something has failed
LONGEST_LINE = 700  # characters; what was typed may stand in it, not all of a file


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a study `here`, one trial of which has completed."""
    path = tmp_path_factory.mktemp("database") / "hpo.db"
    url = f"sqlite:///{path}"
    words = ("create", "-s", "here", "-c", "baseline", "--storage", url)
    created = CliRunner().invoke(main, (*words, "--data", "sample:dialogues"))
    assert created.exit_code == 0, created.output
    with connect(StorageURL.parse(url)) as opened:
        study_id = opened.storage.get_study_id_from_name("here")
        trial = trained_trial(value=0.5)
        opened.storage.create_new_trial(study_id, template_trial=trial)
    return path


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder; pytest's own may have too long a path for a server's socket below it."""
    with tempfile.TemporaryDirectory(prefix="hpo-bad-") as folder:
        yield Path(folder)


@pytest.mark.timeout(SHORT_S)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name[:80])
def test_wrong_input_is_refused_in_one_line_and_changes_nothing(
    case: Case,
    place: Path,
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(place)
    put(case.files, place)
    if "hpo.db" in case.files:
        shutil.copy(database, place / "hpo.db")
    before = snapshot(place)

    environ = {**os.environ, **case.environ}
    result = CliRunner(env=environ).invoke(main, case.words, input=case.stdin, prog_name="hpo")

    printed = result.output + "".join(capfd.readouterr())  # a worker's process prints by itself
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == case.status, printed
    said = error_lines(printed)
    assert len(said) == 1, printed
    assert said[0].startswith("Error: ")
    assert len(said[0]) <= LONGEST_LINE
    for words in case.says:
        assert words in said[0]
    if case.secret is not None:
        assert case.secret not in printed
    assert snapshot(place) == before


def test_there_are_at_least_200_cases_and_no_two_are_the_same() -> None:
    assert len({case.input for case in CASES}) == len(CASES)
    assert len({case.name for case in CASES}) == len(CASES)
    assert len(CASES) >= 200
    assert min(map(len, SUBJECTS.values())) >= 10
