"""What there is to say of a study, as the difference to what was said last."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState
from trained_trial import OWN, trained_trial

from hpo.notifications.news import STREAK, News, Told, find_news

LR = "training.learning_rate"


def trial(number: int, value: float | None = None, state: TrialState | None = None) -> FrozenTrial:
    """A trial that ended; a failure where there is no value."""
    if state is None:
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
    made = trained_trial(
        state=state,
        value=value,
        params={LR: 3e-5},
        distributions={LR: FloatDistribution(1e-6, 1e-3)},
        user_attrs={"hpo:error": "ValueError: no"} if state is TrialState.FAIL else {},
    )
    made.number = number
    start = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    made.datetime_complete = start + timedelta(minutes=number) if state.is_finished() else None
    return made


def news(trials: Sequence[FrozenTrial], told: Told | None = None, **given: object) -> News | None:
    options = {"metric": "rougeL", "end": None, **given}
    return find_news(trials, told or Told(), OWN, **options)


def test_a_new_best_that_is_hardly_better_looks_better() -> None:
    told = news([trial(0, 0.41002), trial(1, 0.41004)], Told(best=0, value=0.41002))
    assert told is not None
    assert told.lines[0].startswith("new best: rougeL 0.41004, trial 1 ")
    assert told.lines[0].endswith(", before 0.41002 (trial 0)")


def test_a_new_best_is_news_once_and_says_what_was_before() -> None:
    first = news([trial(0, 0.41)])
    assert first is not None
    assert first.lines == ("new best: rougeL 0.4100, trial 0 (learning_rate 3e-05)",)
    assert news([trial(0, 0.41), trial(1, 0.40)], first.told) is None
    second = news([trial(0, 0.41), trial(1, 0.42), trial(2, 0.43)], first.told)
    assert second is not None  # the one in between is merged into it
    assert second.lines[0].endswith(", before 0.4100 (trial 0)")
    assert second.data["best"]["trial"] == 2
    assert news([trial(0, 0.41), trial(2, 0.43)], second.told) is None


def test_a_row_of_failures_is_news_once_and_a_new_row_is_news_again() -> None:
    row = [trial(number) for number in range(STREAK)]
    assert news(row[:-1]) is None
    found = news(row)
    assert found is not None
    assert found.lines == ("3 trials in a row failed, the last, trial 2, of: ValueError: no",)
    assert news([*row, trial(3)], found.told) is None
    more = [*row, trial(3, 0.1), *(trial(number) for number in range(4, 4 + STREAK))]
    again = news(more, found.told)
    assert again is not None
    assert again.data["failure_streak"]["last"] == 6


def test_secrets_in_an_error_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "mark3dmark3d")
    row = [trial(number) for number in range(STREAK)]
    row[-1].user_attrs["hpo:error"] = "cannot log in with mark3dmark3d"
    found = news(row)
    assert found is not None
    assert "mark3dmark3d" not in str(found)


def test_the_end_is_news_once_and_again_after_an_extension() -> None:
    trials = [trial(0, 0.4), trial(1), trial(2, state=TrialState.PRUNED)]
    found = news(trials, end="the budget is spent")
    assert found is not None
    assert found.lines[1] == (
        "the search has ended, the budget is spent: 1 complete, 1 failed, 1 pruned;"
        " best rougeL 0.4000 (trial 0)"
    )
    assert news(trials, found.told, end="the budget is spent") is None
    assert news([*trials, trial(3, 0.3)], found.told) is None
    assert news([*trials, trial(3, 0.3)], found.told, end="the budget is spent") is not None


def test_bests_of_repeats_are_no_news() -> None:
    assert news([trial(0, 0.4)], bests=False) is None
    found = news([trial(0, 0.4)], bests=False, end="the budget is spent")
    assert found is not None
    assert found.lines == ("the search has ended, the budget is spent: 1 complete",)


def test_what_another_version_kept_is_read_as_far_as_it_is_known() -> None:
    assert Told.read({"best": 3, "later": True}) == Told(best=3)
    assert Told.read(None) == Told()


@given(values=st.lists(st.floats(0.1, 0.9), min_size=1, max_size=12), data=st.data())
def test_whatever_is_held_back_the_last_best_said_is_the_best(
    values: list[float], data: st.DataObject
) -> None:
    """Looks at any moments of a search: no best twice, and the last one said is the best."""
    trials = [trial(number, value) for number, value in enumerate(values)]
    moments = data.draw(st.lists(st.integers(1, len(values)), max_size=6).map(sorted))
    told, said = Told(), []
    for moment in [*moments, len(values)]:
        found = news(trials[:moment], told)
        if found is not None:
            told = found.told
            said.append(found.data["best"]["value"])
    assert said == sorted(set(said))
    assert said[-1] == max(values)
