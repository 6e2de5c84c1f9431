"""What a member adds is told apart from luck: of the dialogues, and of having been chosen."""

import numpy as np
import pytest

from hpo.ensemble.certainty import gain_of, single_held_out, total
from hpo.ensemble.forward import Step

DIALOGUES = 150
RANDOM = np.random.default_rng(7)


def step(*gains: float, spread: float = 0.05, members: tuple[int, ...] = (0, 1)) -> Step:
    """An addition among candidates that gain so much on average."""
    before = RANDOM.normal(0.4, 0.1, DIALOGUES)
    tried = np.stack([before + gain + RANDOM.normal(0, spread, DIALOGUES) for gain in gains])
    return Step(members, before, tried, int(tried.mean(axis=1).argmax()))


def test_a_large_gain_is_above_the_noise() -> None:
    gain = gain_of(step(0.05, 0.0))
    assert gain is not None
    assert gain.low < 0.05 < gain.high
    assert gain.held_out == pytest.approx(gain.measured, abs=1e-6)
    assert gain.verdict == "above the noise"


def test_a_loss_is_called_one() -> None:
    gain = gain_of(step(-0.05))
    assert gain is not None
    assert gain.verdict == "a loss beyond the noise"


def test_the_best_of_many_that_add_nothing_gains_nothing_on_held_out_dialogues() -> None:
    found = [gain_of(step(*[0.0] * 10)) for _ in range(20)]
    gains = [gain for gain in found if gain is not None]
    assert np.mean([gain.measured for gain in gains]) > 0.005
    assert abs(np.mean([gain.held_out for gain in gains])) < 0.003
    assert sum(gain.is_clear for gain in gains) <= 2


def test_what_never_was_a_choice_has_no_optimism() -> None:
    gain = gain_of(step(0.01))
    assert gain is not None
    assert gain.optimism == 0.0


def test_the_whole_gain_carries_the_optimism_of_each_step() -> None:
    first = step(0.0, 0.0, members=(0,))
    first = Step((0,), None, first.tried, first.chosen)
    second = Step(
        (0, 1), first.scores, first.scores + np.stack([RANDOM.normal(0, 0.1, 150)] * 2), 0
    )
    third_tried = second.scores + RANDOM.normal(0.0, 0.1, (5, DIALOGUES))
    third = Step((0, 1, 2), second.scores, third_tried, int(third_tried.mean(axis=1).argmax()))
    gains = [gain_of(second), gain_of(third)]
    whole = total([first, second, third])
    assert whole.measured == pytest.approx(sum(gain.measured for gain in gains if gain))
    assert whole.optimism == pytest.approx(sum(gain.optimism for gain in gains if gain))
    assert gain_of(first) is None
    assert single_held_out(first) <= first.value
    assert total([first]).measured == 0.0
