"""`hpo confirm`: what is queued, how it is extended, and what is said of the results."""

import io
import json
from pathlib import Path

import optuna
import pytest
from click.testing import CliRunner, Result
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console
from small_search import LR, Search, small_search
from trained_trial import tell_trained, trained_trial

from config.load import load
from hpo import study as studies
from hpo.cli import main
from hpo.confirm.companion import CONFIRMS, SEED, confirm
from hpo.confirm.results import confirmed, winning_run
from hpo.errors import HpoError
from hpo.opening import choose_study
from hpo.status import collect
from hpo.suggest import distributions
from hpo.terminal import show_result
from storage.connect import Database
from storage.leases import Leases

VALUES = (0.41, 0.45, 0.44, 0.43)


@pytest.fixture
def search(database: Database, tmp_path: Path) -> Search:
    """A study of four completed trials, a failed one and a pruned one."""
    made = small_search(database, tmp_path, n_trials=6)
    for number, value in enumerate(VALUES):
        add(made, TrialState.COMPLETE, lr=(number + 1) * 1e-4, value=value)
    add(made, TrialState.FAIL, lr=5e-4)
    add(made, TrialState.PRUNED, lr=6e-4)
    return made


@pytest.fixture
def hpo(search: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a command on the study's database."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Result:
        environ = {"HPO_STORAGE": search.database.url.sqlalchemy}
        return CliRunner().invoke(main, words, env=environ, prog_name="hpo")

    return run


def add(search: Search, state: TrialState, *, lr: float, value: float | None = None) -> None:
    search.study.add_trial(
        trained_trial(
            state=state,
            value=value,
            params={LR: lr},
            distributions=distributions(search.config.optuna.search_space),
        )
    )


def runs(search: Search) -> list[FrozenTrial]:
    study = optuna.load_study(study_name="s.confirm", storage=search.database.storage)
    return study.get_trials(deepcopy=False)


def queued(search: Search) -> list[tuple[int, int]]:
    """Candidate and seed of each run, as they are queued."""
    fixed = [(run.user_attrs[CONFIRMS], run.system_attrs["fixed_params"]) for run in runs(search)]
    return [(number, params[SEED]) for number, params in fixed]


def end(search: Search, *values: float | None) -> None:
    """End the companion's runs in turn; None is a failure."""
    study = optuna.load_study(study_name="s.confirm", storage=search.database.storage)
    space = distributions(studies.read(search.database, "s.confirm").config.optuna.search_space)
    for value in values:
        trial = study.ask(space)
        if value is None:
            study.tell(trial, state=TrialState.FAIL)
        else:
            tell_trained(study, trial, value)


def closing_words(database: Database, name: str) -> str:
    console = Console(file=io.StringIO(), width=80)
    show_result(console, database, name, reason="stopped as asked")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_best_trials_are_queued_under_other_seeds_than_the_searchs(search: Search) -> None:
    asked = confirm(search.database, "s", top=3, seeds=2)
    assert asked.candidates == (1, 2, 3)
    assert queued(search) == [(1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (3, 1)]
    assert search.config.general.seed not in {seed for _, seed in queued(search)}
    status = collect(search.database, "s.confirm")
    assert (status.budget, status.taken, status.waiting) == (6, 0, 6)
    pinned = studies.read(search.database, "s.confirm")
    assert pinned.data == studies.read(search.database, "s").data
    assert pinned.config.optuna.pruner.name == "none"


def test_asking_again_adds_what_is_missing_and_no_more(search: Search) -> None:
    confirm(search.database, "s", top=2, seeds=2)
    assert confirm(search.database, "s", top=2, seeds=2).extension is None
    assert confirm(search.database, "s", top=2, seeds=1).extension is None
    grown = confirm(search.database, "s", top=3, seeds=3)
    assert grown.extension is not None
    assert (grown.extension.before, grown.extension.after) == (4, 9)
    assert sorted(queued(search)) == [(n, seed) for n in (1, 2, 3) for seed in (0, 1, 2)]
    confirm(search.database, "s", top=2, seeds=4, numbers=(3,))
    assert (3, 3) in queued(search)
    assert collect(search.database, "s.confirm").budget == 10


def test_a_queue_that_was_cut_off_is_completed(search: Search, monkeypatch) -> None:
    def cut(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("hpo.confirm.companion.queue_missing", cut)
    with pytest.raises(KeyboardInterrupt):
        confirm(search.database, "s", top=2, seeds=2)
    assert runs(search) == []
    monkeypatch.undo()
    confirm(search.database, "s", top=2, seeds=2)
    assert len(runs(search)) == collect(search.database, "s.confirm").budget == 4


def test_equal_parameters_are_one_candidate(search: Search) -> None:
    add(search, TrialState.COMPLETE, lr=2e-4, value=0.446)  # as trial 1
    assert confirm(search.database, "s", top=2, seeds=2).candidates == (1, 2)


def test_fewer_than_two_candidates_are_one_clear_line(database: Database, tmp_path: Path) -> None:
    search = small_search(database, tmp_path)
    with pytest.raises(HpoError, match="has no completed trial that hpo trained, and to"):
        confirm(database, "s", top=5, seeds=3)
    add(search, TrialState.COMPLETE, lr=2e-4, value=0.4)
    with pytest.raises(HpoError, match="has one completed trial of its own parameters"):
        confirm(database, "s", top=5, seeds=3)
    assert not studies.exists(database, "s.confirm")


def test_what_cannot_be_confirmed_is_refused(search: Search) -> None:
    with pytest.raises(HpoError, match="has no completed trial 4"):
        confirm(search.database, "s", top=5, seeds=3, numbers=(4,))
    confirm(search.database, "s", top=2, seeds=2)
    with pytest.raises(HpoError, match="holds queued runs only"):
        confirm(search.database, "s.confirm", top=2, seeds=2)
    study_id = search.database.storage.get_study_id_from_name("s.confirm")
    search.database.storage.set_study_user_attr(study_id, CONFIRMS, "another")
    with pytest.raises(HpoError, match="was deleted"):
        confirm(search.database, "s", top=2, seeds=2)


def test_a_worker_draws_nothing_where_nothing_is_queued(search: Search, monkeypatch) -> None:
    """Even when somebody raises the budget beyond the queue."""
    confirm(search.database, "s", top=2, seeds=2)
    pinned = studies.read(search.database, "s.confirm")
    space = pinned.config.optuna.search_space
    assert space[SEED].contains(0)
    companion = Search.__new__(Search)
    companion.__dict__.update(search.__dict__)
    companion.config = pinned.config
    companion.study = studies.open_study(search.database, "s.confirm", worker_seed=0)
    companion.study_id = companion.study._study_id
    end(search, 0.4, 0.4, 0.4, 0.4)
    worker = companion.worker(max_trials=1)
    assert worker.run().reason == "no trial is queued"
    assert len(runs(search)) == 4
    assert Leases(search.database, companion.study_id).taken() == 0


def test_a_budget_raised_by_hand_promises_no_more_than_is_queued(search: Search, hpo) -> None:
    confirm(search.database, "s", top=2, seeds=2)
    end(search, 0.4, 0.4)
    hpo("create", "--study", "s.confirm", "-o", "optuna.n_trials=20")
    assert collect(search.database, "s.confirm").left == 2
    end(search, 0.4, 0.4)
    status = collect(search.database, "s.confirm")
    assert (status.budget, status.left, status.time_left_s) == (20, 0, 0.0)
    assert "none queued" in hpo("status", "--study", "s.confirm").output
    assert "not over" not in hpo("report", "--study", "s.confirm").output


def test_the_selected_run_does_not_count_and_failed_ones_are_said(search: Search, hpo) -> None:
    confirm(search.database, "s", top=2, seeds=3)
    end(search, 0.430, 0.440, 0.432, None, 0.431)
    _, results = confirmed(search.database, "s")
    first, second = results.candidates
    assert (first.number, second.number) == (2, 1)
    assert (first.single, first.mean, first.failed, first.left) == (0.44, 0.44, 1, 1)
    assert second.mean == pytest.approx(0.431)
    assert results.winner is second  # one run alone never wins
    printed = hpo("best", "--study", "s").output
    assert "(1 failed, 1 to come)" in printed
    assert "the single run does not count" in printed


def test_one_degree_of_freedom_is_one(search: Search, hpo) -> None:
    confirm(search.database, "s", top=2, seeds=2)
    end(search, 0.430, 0.4401, 0.4302)
    assert "(pooled, 1 degree of freedom)" in hpo("best", "--study", "s").output


def test_leaders_that_cannot_be_told_apart_are_said_so_in_plain_words(search: Search, hpo) -> None:
    confirm(search.database, "s", top=3, seeds=2)
    end(search, 0.430, 0.431, 0.300, 0.432, 0.430, 0.301)
    printed = hpo("best", "--study", "s", "--confirmed", "--export", "c.yaml").output
    assert "the leaders cannot be told apart: the best is one of trials 1 and 2" in printed
    assert "hpo confirm --study s --trial 1 --trial 2 --seeds" in printed


def test_a_clear_winner_is_exported_with_the_seed_that_reproduces(search: Search, hpo) -> None:
    confirm(search.database, "s", top=2, seeds=2)
    end(search, 0.430, 0.4401, 0.4302, 0.4404)
    result = hpo("best", "--study", "s", "--confirmed", "--export", "c.yaml")
    assert result.exit_code == 0
    assert "trial 2 is the best, with probability" in result.output
    assert "it trains to 0.4404 again" in result.output
    assert "expect about 0.4402 of another seed" in result.output
    config = load("c.yaml")
    assert config.training.learning_rate == pytest.approx(3e-4)
    assert config.general.seed == 1
    assert config.optuna.sampler == search.config.optuna.sampler
    assert config.provenance is not None
    assert config.provenance["study"] == "s.confirm"
    assert config.provenance["confirms"]["trial"] == 2
    found = json.loads(hpo("best", "--study", "s", "--confirmed", "--json").output)
    assert (found["number"], found["confirmation"]["winner"]) == (2, 2)
    first = found["confirmation"]["candidates"][0]
    assert first["expected"] == pytest.approx(0.4402, abs=1e-4)
    assert config.provenance["confirms"]["expected"] == first["expected"]


def test_a_worker_that_ends_before_there_is_a_winner_is_sent_on(search: Search) -> None:
    confirm(search.database, "s", top=2, seeds=2)
    end(search, 0.43, 0.44)
    words = "  hpo worker --study s.confirm    a winner needs two runs of one trial"
    assert words in closing_words(search.database, "s.confirm").split("\n")
    end(search, 0.43)
    assert "hpo best --study s --confirmed" in closing_words(search.database, "s.confirm")


def test_a_retried_run_counts_once(search: Search, hpo) -> None:
    confirm(search.database, "s", top=2, seeds=2)
    end(search, None, 0.44, 0.43, 0.44)
    retried = hpo("retry", "--study", "s.confirm", "--trial", "0").output
    assert "hpo create --study s.confirm -o optuna.n_trials=5" in retried or "next:" in retried
    end(search, 0.43)
    _, results = confirmed(search.database, "s")
    one = next(c for c in results.candidates if c.number == 1)
    assert (dict(one.values), one.failed, one.left) == ({0: 0.43, 1: 0.43}, 0, 0)
    assert hpo("create", "--study", "s.confirm", "-o", "optuna.n_trials=9").exit_code == 0


def test_before_there_is_anything_to_say_it_is_one_clear_line(search: Search, hpo) -> None:
    refused = hpo("best", "--study", "s", "--confirmed")
    assert refused.exit_code == 1
    assert refused.output.splitlines() == [
        "Error: the best trials of study 's' were not run again yet; next: hpo confirm --study s"
    ]
    assert "run again" not in hpo("best", "--study", "s").output
    asked = hpo("confirm", "--study", "s", "--top", "2", "--seeds", "2")
    assert asked.output.splitlines() == [
        "study 's.confirm' created: 4 runs, trials 1, 2 of 's' under 2 seeds each",
        "next: hpo worker --study s.confirm",
    ]
    asked = hpo("confirm", "--study", "s", "--top", "9", "--seeds", "2")
    assert asked.output.splitlines()[:2] == [
        "study 's.confirm' extended from 4 runs to 8",
        "'s' has no more than 4 completed trials to compare",
    ]
    refused = hpo("best", "--study", "s", "--confirmed", "--export", "c.yaml")
    assert refused.exit_code == 1
    assert "no candidate of 's.confirm' has two completed runs yet" in refused.output
    assert not Path("c.yaml").exists()
    assert hpo("confirm", "--study", "s", "--seeds", "1").exit_code == 2
    with pytest.raises(HpoError):
        winning_run(search.database, confirmed(search.database, "s")[1])


def test_the_companion_needs_no_naming_of_the_search(search: Search) -> None:
    confirm(search.database, "s", top=2, seeds=2)
    assert choose_study(search.database, None) == "s"
