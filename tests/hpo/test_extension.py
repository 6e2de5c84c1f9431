"""More trials for a study that exists: nothing else of it may change."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import optuna
import pytest
from click.testing import CliRunner
from small_training import write_dialogues

from hpo import study as studies
from hpo.cli import main
from hpo.creation import create_study, ensure_study
from hpo.errors import StudyDiffers
from hpo.status import collect
from storage.connect import Database, connect

SPACE = "optuna.search_space={training.learning_rate: {low: 1e-5, high: 1e-3, log: true}}"


@pytest.fixture
def study(database: Database, tmp_path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    write_dialogues(tmp_path / "data")
    create_study(database, "s", source="kobart", overrides=["optuna.n_trials=5", SPACE])
    return "s"


def n_trials(database: Database) -> int:
    return studies.read(database, "s").config.optuna.n_trials


def extend(database: Database, number: int, *more: str, source: str | None = None):
    overrides = [f"optuna.n_trials={number}", *more]
    return create_study(database, "s", source=source, overrides=overrides)


def begin_long_ago(database: Database, name: str) -> None:
    """Put a failed trial into the study that began a day ago."""
    trial = optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL)
    began = datetime.fromtimestamp(database.now() - 86400, UTC)
    trial.datetime_start = began.replace(tzinfo=None)
    optuna.load_study(study_name=name, storage=database.storage).add_trial(trial)


def test_a_higher_number_of_trials_extends_the_study_and_is_remembered(
    database: Database, study: str
) -> None:
    made = extend(database, 8)
    assert not made.new
    assert made.extension is not None
    assert (made.extension.before, made.extension.after) == (5, 8)
    assert made.summary.startswith("8 trials over")
    extend(database, 12, SPACE, source="kobart")
    assert n_trials(database) == 12
    pinned = studies.read(database, "s")
    assert pinned.n_trials == 5
    assert [(one.before, one.after) for one in pinned.extensions] == [(5, 8), (8, 12)]
    assert pinned.extensions[0].at <= pinned.extensions[1].at <= database.now()
    status = collect(database, "s").as_json()
    assert status["budget"] == 12
    assert [one["after"] for one in status["extensions"]] == [8, 12]
    assert status["extensions"][0]["versions"] == pinned.versions


def test_a_number_that_the_study_has_or_had_changes_nothing(database: Database, study: str) -> None:
    extend(database, 8)
    for number in (5, 8):
        assert extend(database, number).extension is None
        assert extend(database, number, SPACE, source="kobart").extension is None
        assert ensure_study(
            database, "s", source="kobart", overrides=[f"optuna.n_trials={number}", SPACE]
        )
    assert n_trials(database) == 8


def test_another_lower_number_is_refused(database: Database, study: str) -> None:
    extend(database, 8)
    with pytest.raises(StudyDiffers, match=r"optuna\.n_trials: pinned 8, given 7"):
        extend(database, 7)
    assert n_trials(database) == 8


def test_an_extension_that_changes_more_is_refused_whole(database: Database, study: str) -> None:
    with pytest.raises(StudyDiffers) as refused:
        extend(database, 8, "training.weight_decay=0.5")
    assert [one.field for one in refused.value.differences] == ["training.weight_decay"]
    assert n_trials(database) == 5


def test_an_extension_needs_no_data(database: Database, study: str, tmp_path) -> None:
    for file in (tmp_path / "data").iterdir():
        file.unlink()
    assert extend(database, 8).extension is not None


def test_an_extension_does_not_move_a_timeout_and_says_so(
    database: Database, study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_study(
        database, "t", source="kobart", overrides=[SPACE, "optuna.timeout=60", "optuna.n_trials=2"]
    )
    monkeypatch.setenv("HPO_STORAGE", database.url.sqlalchemy)
    begin_long_ago(database, "t")

    def more(number: int) -> str:
        words = ["create", "--study", "t", "-o", f"optuna.n_trials={number}"]
        return CliRunner().invoke(main, words).output

    assert "but no new trial begins: the study's timeout of 60 s is over" in more(3)
    assert "no new trial begins" not in more(3)  # nothing was extended
    status = collect(database, "t")
    assert (status.stopped, status.budget) == ("the study's timeout of 60 s is over", 3)


def test_a_worker_does_not_extend(database: Database, study: str) -> None:
    with pytest.raises(StudyDiffers, match=r"optuna\.n_trials: pinned 5, given 8"):
        ensure_study(database, "s", source="kobart", overrides=["optuna.n_trials=8", SPACE])


def test_of_many_who_extend_at_once_the_highest_wins_and_each_step_is_kept(
    database: Database, study: str
) -> None:
    def extend_to(number: int) -> None:
        with connect(database.url) as own:
            extend(own, number)

    with ThreadPoolExecutor(6) as threads:
        tried = [threads.submit(extend_to, number) for number in range(6, 12)]
    errors = [one.exception() for one in tried]
    assert all(error is None or isinstance(error, StudyDiffers) for error in errors)
    assert n_trials(database) == 11
    steps = studies.read(database, "s").extensions
    assert [one.before for one in steps] == [5, *(one.after for one in steps[:-1])]
