import pytest

from benchmarks.trial.flops import Shape, peak_tflops, training_flops
from benchmarks.trial.utilisation import step_seconds

KOBART = Shape(6, 6, 768, 3072, 3072, 30_015)


def test_a_step_costs_six_flops_a_weight_and_token_but_for_attention():
    no_decoder = Shape(6, 0, 768, 3072, 3072, 0)
    weights = 6 * (4 * 768**2 + 2 * 768 * 3072)
    assert training_flops(no_decoder, [1], [0]) == pytest.approx(6 * weights, rel=0.001)


def test_output_projection_counts_for_targets_alone():
    small, large = (Shape(2, 2, 128, 512, 512, size) for size in (1_000, 2_000))
    gap = training_flops(large, [50, 60], [7, 8]) - training_flops(small, [50, 60], [7, 8])
    assert gap == 3 * 2 * (7 + 8) * 128 * 1_000


def test_pairs_add_up_and_longer_ones_cost_more_than_their_share():
    one, two = training_flops(KOBART, [100], [20]), training_flops(KOBART, [200], [40])
    assert training_flops(KOBART, [100, 200], [20, 40]) == pytest.approx(one + two)
    assert two > 2 * one


def test_cards_are_known_by_part_of_their_name():
    assert peak_tflops("NVIDIA H100 80GB HBM3") == 989.0
    assert peak_tflops("NVIDIA H100 PCIe") == 756.0
    assert peak_tflops("NVIDIA H100 NVL") == 835.0
    assert peak_tflops("NVIDIA A100-SXM4-80GB") == 312.0
    assert peak_tflops("NVIDIA H200") == 989.0
    assert peak_tflops("NVIDIA L40") == 181.0
    assert peak_tflops("NVIDIA L4") == 121.0
    assert peak_tflops("NVIDIA A10G") == 70.0
    assert peak_tflops("NVIDIA RTX A1000") is None  # an A10 and an A100 by its letters
    assert peak_tflops("Some New Card") is None


def test_steps_are_timed_without_the_first_ones_and_those_behind_an_evaluation():
    at = [(step, 2.0 * step + 30.0 * (step > 8)) for step in range(1, 12)]
    assert step_seconds(at, {8}) == 2.0
    assert step_seconds(at[:5], set()) is None
    assert step_seconds([], set()) is None
