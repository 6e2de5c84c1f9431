import json

import pytest
import torch

from benchmarks.search.curves import TEXT_RNN_SPACE, load_text_rnn
from benchmarks.search.small_data import modules, patches, sequences, table
from benchmarks.search.small_tasks import TASKS, configurations, recorded
from benchmarks.search.stacked_training import Adam, curves

PLAIN = {
    "learning_rate": 0.01,
    "one_minus_beta1": 0.1,
    "one_minus_beta2": 0.01,
    "epsilon": 1e-6,
    "l1": 0.0,
    "l2": 0.0,
    "linear_decay": 0.0,
    "exponential_decay": 0.0,
}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_what_was_recorded_is_read_as_a_task_and_every_second_one_is_held_out(tmp_path):
    for number in range(2):
        rows = recorded(TASKS[-1], count=4, between=1, seed=number)
        (tmp_path / f"{number:02}.json").write_text(json.dumps(rows))

    first, second = load_text_rnn(tmp_path)

    assert [first.held_out, second.held_out] == [False, True]
    assert [len(curve.scores) for curve in first.curves if not curve.diverged] == [51] * 4
    assert first.curves[0].params.keys() == TEXT_RNN_SPACE.keys()


def test_configurations_are_drawn_within_the_space_and_repeat():
    drawn = configurations(50, "seed")
    assert drawn == configurations(50, "seed") != configurations(50, "other")
    for name, entry in TEXT_RNN_SPACE.items():
        assert all(entry.low <= one[name] <= entry.high for one in drawn)


def test_a_configuration_that_diverges_harms_no_other():
    task = next(one for one in TASKS if one.name.startswith("vrnn_relu"))
    examples = task.examples()

    def losses(rate):
        torch.manual_seed(0)
        pair = [{**PLAIN, "learning_rate": rate, "epsilon": 1e-30}, PLAIN]
        return curves(task.network(examples), examples, pair, batch=4, between=1)

    lost, well = losses(1e38), losses(1e-3)
    assert lost[0].isnan().any()
    assert torch.equal(lost[1], well[1])
    assert well.isfinite().all()


def test_plain_settings_are_those_of_adam():
    weights = torch.randn(2, 5)
    usual = weights.clone().requires_grad_()
    optimizer = torch.optim.Adam([usual], lr=0.01, betas=(0.9, 0.99), eps=1e-6)
    ours = Adam([PLAIN, PLAIN], 10)
    for _ in range(10):
        slope = torch.randn(2, 5)
        ours.step(weights, slope.clone())
        usual.grad = slope
        optimizer.step()
    assert torch.allclose(weights, usual, atol=1e-6)


def test_learning_rates_decay_by_the_share_of_the_training():
    start = torch.ones(2, 1)
    for steps in (10, 1000):
        weights = start.clone()
        decayed = Adam([PLAIN, {**PLAIN, "linear_decay": 1e-4}], steps)
        for _ in range(steps):
            decayed.step(weights, torch.ones(2, 1))
        moved = (start - weights).flatten().tolist()
        assert moved[1] / moved[0] == pytest.approx(0.5, abs=0.06)


def test_examples_are_numbered_and_scaled():
    text = patches(modules("json"), length=6, vocabulary=20, seed=0)
    assert text.inputs.shape[1] == 6
    assert int(text.inputs.max()) < 20
    made_up = sequences("first", length=5, seed=0)
    assert (made_up.inputs[:, 0] == made_up.labels).float().mean() > 0.8
    digits = table("digits", seed=0)
    assert digits.classes == 10
    assert abs(float(digits.inputs.mean())) < 1e-3
