"""Trials of another study of hpo's: whatever of it came along, they are told from the study's own.

Each is brought as people do: with Optuna's add_trial, create_trial, enqueue_trial and copy_study.
"""

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from click.testing import CliRunner
from optuna.trial import FrozenTrial, TrialState, create_trial
from rich.console import Console
from scripted_fit import ScriptedFit
from small_search import Search, small_search
from trained_trial import trained_trial

from config.schema import Stop
from hpo import study as studies
from hpo.cli import main
from hpo.early_stop import ending, finished
from hpo.mirrored import mirrored
from hpo.notifications.news import Told, find_news
from hpo.own_trials import STUDY
from hpo.report.facts import gather
from hpo.report.results import results
from hpo.status import collect
from hpo.status_view import view
from hpo.told_trials import look_for_better_told
from hpo.trial_info import Ending
from storage.connect import Database
from storage.url import StorageURL


@pytest.fixture
def url(database_url: str) -> StorageURL:
    """SQLite and PostgreSQL in turn."""
    return StorageURL.parse(database_url)


@pytest.fixture
def fit(monkeypatch: pytest.MonkeyPatch) -> ScriptedFit:
    scripted = ScriptedFit(0.1, 0.9, 0.2)
    monkeypatch.setattr("hpo.objective.fit", scripted)
    return scripted


@pytest.fixture
def search(database: Database, tmp_path: Path) -> Search:
    return small_search(database, tmp_path, n_trials=4)


@pytest.fixture
def brought(search: Search, fit: ScriptedFit, database: Database) -> FrozenTrial:
    """A trial that a worker has trained to 0.9 in the study `other`, of other data."""
    studies.create(database, "other", search.config, data_fingerprint="e" * 64)
    other = Search(database, search.config, name="other")
    other.worker(max_trials=1).run()
    (trial,) = other.trials()
    assert trial.value == 0.9
    return trial


def by_hand(trial: FrozenTrial) -> FrozenTrial:
    """The trial with what `create_trial` is usually given."""
    return create_trial(
        value=trial.value,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=trial.user_attrs,
    )


@pytest.mark.parametrize("made", [lambda trial: trial, by_hand], ids=["whole", "by hand"])
def test_a_trial_of_another_study_never_wins_and_is_named_with_what_has_it_trained(
    search: Search, brought: FrozenTrial, made: Callable[[FrozenTrial], FrozenTrial]
) -> None:
    search.study.add_trial(made(brought))
    search.study.add_trial(trained_trial(value=0.4))
    best = search.best()
    assert best is not None
    assert best.number == 1
    assert str(look_for_better_told(search.database, "s", best)) == (
        "trial 0 (0.9000) was trained in another study and can't win:"
        " hpo retry --study s --trial 0 has its parameters trained"
    )


def test_hpo_retry_has_it_trained_here_and_then_it_wins(
    search: Search, brought: FrozenTrial
) -> None:
    search.study.add_trial(brought)
    environ = {"HPO_STORAGE": search.database.url.sqlalchemy}
    said = CliRunner().invoke(main, ("retry", "--study", "s", "--trial", "0"), env=environ).output
    assert "trial 0 is queued again as trial 1" in said
    search.worker(max_trials=1).run()
    best = search.best()
    assert best is not None
    assert (best.number, best.params) == (1, brought.params)


def test_a_trial_that_is_queued_with_all_its_attributes_is_the_studys_once_a_worker_has_it(
    search: Search, brought: FrozenTrial
) -> None:
    search.study.enqueue_trial(brought.params, user_attrs=brought.user_attrs)
    waiting = search.trials()[0]
    assert search.own.is_brought(waiting)
    search.worker(max_trials=1).run()
    (trained,) = search.trials()
    assert trained.user_attrs[STUDY] == search.own.key
    assert search.own.can_win(trained)


def test_a_copy_of_the_whole_study_keeps_its_winner_and_goes_on(
    search: Search, fit: ScriptedFit
) -> None:
    search.worker(max_trials=2).run()
    storage = search.database.storage
    optuna.copy_study(
        from_study_name="s", from_storage=storage, to_storage=storage, to_study_name="copy"
    )
    copy = Search(search.database, search.config, name="copy")
    copy.worker("w2", max_trials=1).run()
    status = collect(search.database, "copy")
    assert status.best is not None
    assert (status.best.number, status.copied, status.brought) == (0, 2, 0)
    assert all(map(copy.own.can_win, copy.trials()))
    search.study.add_trial(copy.trials()[-1])  # the same data and settings: no other study's
    assert search.own.can_win(search.trials()[-1])


def test_what_an_earlier_version_trained_without_a_key_goes_on_winning(
    search: Search, brought: FrozenTrial
) -> None:
    search.study.add_trial(trained_trial(value=0.4))
    search.study.add_trial(brought)
    best = search.best()
    assert best is not None
    assert best.value == 0.4


def test_status_and_report_count_it_apart_and_it_stands_in_no_figure(
    search: Search, brought: FrozenTrial
) -> None:
    search.study.add_trial(brought)
    pruned = trained_trial(state=TrialState.PRUNED, user_attrs={STUDY: "another"})
    search.study.add_trial(pruned)
    status = collect(search.database, "s")
    assert (status.complete, status.brought, status.told, status.trained) == (1, 1, 0, 0)
    assert status.time_left_s is None
    screen = Console(file=io.StringIO(), width=160)
    screen.print(view(status))
    lines = screen.file.getvalue().splitlines()
    assert "1 complete (1 brought from another study)" in lines[1]
    assert lines[2].startswith("best     trial 0 (0.9000) was trained in another study")
    facts = gather(search.database, "s")
    assert (facts.complete, facts.pruned, facts.brought) == ([], [], 2)
    assert "Trials: 2 brought from another study." in str(results(facts).blocks[0])


def test_it_ends_no_search_and_is_no_news(search: Search, brought: FrozenTrial) -> None:
    search.study.add_trial(brought)
    trials, own = search.trials(), search.own
    assert ending(finished(trials, own), Stop(patience=1, target=0.8)) is None
    assert find_news(trials, Told(), own, metric="rougeL", end=None) is None


def test_w_and_b_has_its_value_in_words_alone(search: Search, brought: FrozenTrial) -> None:
    search.study.add_trial(brought)
    told = mirrored("s", studies.read(search.database, "s"), search.trials()[0])
    reason = "trial 0 was trained in another study, with 0.9000"
    assert (told.curve, told.ending) == ((), Ending("complete", reason=reason))


def test_a_running_trial_is_the_studys_by_its_key(search: Search, brought: FrozenTrial) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        running = search.study.ask()
    assert not search.own.has(search.trials()[running.number])
    running.set_user_attr(STUDY, search.own.key)
    assert search.own.has(search.trials()[running.number])
