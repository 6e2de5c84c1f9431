"""The line on a better value that another program told: which trial, and what can be done."""

from pathlib import Path

import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial
from small_search import LR, Search, small_search
from trained_trial import trained_trial

from hpo import study as studies
from hpo.told_trials import better_told, look_for_better_told
from hpo.trial_record import BEST_EPOCH
from storage.connect import Database

WIDE = FloatDistribution(1e-9, 1.0)


@pytest.fixture
def search(database: Database, tmp_path: Path) -> Search:
    return small_search(database, tmp_path)


def tell(search: Search, value: float, **params: float) -> None:
    """Add what another program told, with these parameters."""
    given = {LR if name == "rate" else name: value for name, value in params.items()}
    kinds = dict.fromkeys(given, WIDE)
    search.study.add_trial(create_trial(value=value, params=given, distributions=kinds))


def line(search: Search) -> str:
    return str(look_for_better_told(search.database, "s", search.best()))


def test_what_can_be_trained_is_named_with_the_command(search: Search) -> None:
    search.study.add_trial(trained_trial(value=0.4))
    tell(search, 0.9, rate=2e-4)
    tell(search, 0.8, rate=2e-4)
    assert line(search) == (
        "trial 1 (0.9000) was told by another program and can't win:"
        " hpo retry --study s --trial 1 has its parameters trained"
    )


@pytest.mark.parametrize("params", [{"x": 0.1}, {"rate": 0.9}, {}], ids=["name", "value", "none"])
def test_what_cannot_be_trained_is_said_so(search: Search, params: dict[str, float]) -> None:
    tell(search, 0.9, **params)
    assert line(search).endswith("can't win: its parameters can't be trained in this study")


def test_what_is_tried_again_is_named_with_its_trials(search: Search) -> None:
    tell(search, 0.9, rate=2e-4)
    search.study.add_trial(create_trial(state=TrialState.WAITING, user_attrs={"hpo:retry_of": 0}))
    assert line(search).endswith("can't win: its parameters are trained in trial 1")


def test_what_is_no_better_than_the_winner_is_not_worth_a_line(search: Search) -> None:
    search.study.add_trial(trained_trial(value=0.9))
    tell(search, 0.9, rate=2e-4)
    assert look_for_better_told(search.database, "s", search.best()) is None
    pinned = studies.read(search.database, "s")
    assert better_told(search.trials(), search.best(), study="s", pinned=pinned) is None


def test_a_trial_of_ours_that_another_program_ended_has_no_record_and_does_not_win(
    search: Search,
) -> None:
    trial = search.trial(search.claim("w1"))
    trial.report(0.3, 1)
    search.elsewhere().tell(trial.number, 0.9)
    assert BEST_EPOCH not in search.trials()[0].user_attrs
    assert search.best() is None
    assert line(search).startswith("trial 0 (0.9000) was told")
