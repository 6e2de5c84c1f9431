"""When a search ends by its rule: only finished trials count, and only gains beyond the noise."""

from datetime import datetime, timedelta

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from trained_trial import OWN, trained_trial

from config.schema import Stop
from hpo.early_stop import ending, finished

BEGAN = datetime(2026, 1, 1)  # noqa: DTZ001 - Optuna's have no zone
RULE = Stop(patience=3, min_improvement=0.01)


def trials(*values: float | str | None) -> list[FrozenTrial]:
    """Trials in the order they end: a value, None for pruned, or the state's name."""
    made = []
    for number, value in enumerate(values):
        state = (
            TrialState[value]
            if isinstance(value, str)
            else TrialState.PRUNED
            if value is None
            else TrialState.COMPLETE
        )
        trial = trained_trial(state=state, value=value if isinstance(value, float) else None)
        trial.number = number
        if state.is_finished():
            trial.datetime_complete = BEGAN + timedelta(minutes=number)
        made.append(trial)
    return made


def reason(made: list[FrozenTrial], rule: Stop, *, since: int = 0) -> str | None:
    """Why these trials end the search."""
    return ending(finished(made, OWN), rule, since=since)


def test_a_search_that_gains_nothing_any_more_ends_with_the_numbers() -> None:
    assert reason(trials(0.4, 0.5, 0.505, None, 0.3), RULE) == (
        "no gain beyond 0.01 in the last 3 finished trials: 0.5000 before them (trial 1), the "
        "best of them 0.5050"
    )


@pytest.mark.parametrize(
    "values",
    [
        (),
        (0.5, None, None),
        (0.5, 0.4, 0.3),
        (0.4, 0.3, 0.2, 0.411),
        (None, None, None, None, None),
        (0.5, "FAIL", "FAIL", "FAIL", "RUNNING"),
    ],
    ids=["none", "too few", "still too few", "a gain", "none completed", "failures tell nothing"],
)
def test_a_search_goes_on(values) -> None:
    assert reason(trials(*values), RULE) is None


def test_pruned_trials_alone_are_no_gain() -> None:
    assert "none of them completed" in (reason(trials(0.5, None, None, None), RULE) or "")


def test_what_another_program_told_ends_no_search() -> None:
    told = create_trial(value=0.9)
    told.datetime_complete = BEGAN
    gaining = [told, *trials(0.1, 0.2, 0.3, 0.4)]
    assert reason(gaining, RULE) is None
    assert reason(gaining, Stop(target=0.8)) is None
    assert len(finished(gaining, OWN)) == 4


def test_the_order_is_that_of_the_ends() -> None:
    late, early, middle = trials(0.9, 0.1, 0.2)
    late.datetime_complete = BEGAN + timedelta(hours=1)
    assert finished([late, early, middle], OWN) == [early, middle, late]


def test_after_an_extension_it_waits_for_as_many_trials_again() -> None:
    done = trials(0.5, None, None, None, None, None)
    assert reason(done, RULE, since=4) is None
    assert reason(done, RULE, since=3) is not None


def test_a_search_that_has_what_was_wanted_ends() -> None:
    wanted = Stop(target=0.5)
    assert reason(trials(0.4, None, 0.49, "RUNNING"), wanted) is None
    reached = "the target of 0.5 is reached: 0.5100 (trial 1)"
    assert reason(trials(0.4, 0.51, 0.3), wanted) == reached


def test_a_target_and_patience_end_a_search_each_by_itself() -> None:
    both = Stop(patience=2, target=0.5)
    assert "target" in (reason(trials(0.6), both) or "")
    assert "no gain" in (reason(trials(0.4, None, None), both) or "")


def test_after_an_extension_the_target_counts_no_more() -> None:
    assert reason(trials(0.6, 0.3), Stop(target=0.5), since=1) is None
