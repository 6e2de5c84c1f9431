"""A sweep's early_terminate as a pruner that decides where W&B does."""

import pytest

from config.sweep.findings import Left, Note
from config.sweep.source import Written
from config.sweep.stopping import pruner_of


def stopping(most, **keys):
    section = {"type": "hyperband", **keys}
    pruner, (said,) = pruner_of(Written(section, (), {}), most=most)
    return pruner, said


@pytest.mark.parametrize(
    ("keys", "most", "decisions"),
    [
        ({"min_iter": 3}, 20, "3, 9"),
        ({"min_iter": 3}, 28, "3, 9, 27"),
        ({"min_iter": 1, "eta": 2}, 8, "1, 2, 4"),
        ({"max_iter": 27, "s": 2}, 27, "3, 9"),
        ({"max_iter": 27, "s": 3, "eta": 3}, 27, "1, 3, 9"),
        ({"max_iter": 16, "s": 2, "eta": 2}, 10, "4, 8"),
    ],
)
def test_it_is_successive_halving_at_the_same_evaluations(keys, most, decisions):
    pruner, said = stopping(most, **keys)
    first = int(decisions.split(",")[0])
    assert pruner["name"] == "successive_halving"
    assert (pruner["min_resource"], pruner["reduction_factor"]) == (first, keys.get("eta", 3))
    assert isinstance(said, Note)
    assert said.text.endswith(f"at evaluation {decisions}")


@pytest.mark.parametrize(
    ("keys", "most", "nearest"),
    [
        ({"min_iter": 4, "eta": 1.5}, 20, (4, 2)),
        ({"max_iter": 20, "s": 2}, 30, (2, 3)),  # W&B's are 2 and 6, the next of ours is 18
        ({"max_iter": 27, "s": 1}, 30, (9, 3)),  # ours decides at 27, too
    ],
)
def test_other_decisions_than_wandbs_are_named_and_no_trial_is_stopped(keys, most, nearest):
    pruner, said = stopping(most, **keys)
    assert pruner == {"name": "none"}
    assert isinstance(said, Left)
    near = said.nearest["optuna.pruner"]
    assert (near["min_resource"], near["reduction_factor"]) == nearest


def test_what_no_trial_lives_to_see_stops_none():
    pruner, said = stopping(10, min_iter=10)
    assert pruner == {"name": "none"}
    assert isinstance(said, Note)


def test_what_not_being_strict_means_is_said():
    section = Written({"type": "hyperband", "min_iter": 3, "strict": False}, (), {})
    _, (loose, _) = pruner_of(section, most=20)
    assert "best value so far" in loose.text
