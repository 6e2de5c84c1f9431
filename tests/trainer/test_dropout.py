"""Dropout on a CPU: the wanted share, from torch's generator, and gone with the training."""

import pytest
import torch
from torch.nn import functional

from trainer.dropout import quick_dropout

CPU = torch.device("cpu")


@pytest.mark.parametrize("share", [0.1, 0.25, 0.9])
def test_so_many_are_left_out_and_the_mean_stays(share: float) -> None:
    torch.manual_seed(0)
    ones = torch.ones(300, 1001)
    with quick_dropout(CPU):
        found = functional.dropout(ones, p=share, training=True)
    assert float((found == 0).float().mean()) == pytest.approx(share, abs=0.005)
    assert float(found.mean()) == pytest.approx(1, abs=0.05)
    assert len(found.unique()) == 2


def test_elements_are_left_out_independently_of_their_neighbours() -> None:
    torch.manual_seed(0)
    with quick_dropout(CPU):
        kept = functional.dropout(torch.ones(400_000), p=0.5) > 0
    for apart in (1, 2, 3, 4, 8):
        assert float((kept[apart:] == kept[:-apart]).float().mean()) == pytest.approx(0.5, abs=0.01)


def test_gradients_pass_where_something_passed() -> None:
    torch.manual_seed(0)
    states = torch.randn(5, 7, 3, requires_grad=True)
    with quick_dropout(CPU):
        found = functional.dropout(states, p=0.3)
        found.sum().backward()
    assert states.grad is not None
    torch.testing.assert_close(states.grad * states, found)


def test_it_follows_from_torchs_generator() -> None:
    def drawn() -> torch.Tensor:
        with quick_dropout(CPU):
            return functional.dropout(torch.ones(9, 5), p=0.4)

    torch.manual_seed(3)
    before, state = drawn(), torch.get_rng_state()
    after = drawn()
    torch.set_rng_state(state)
    assert torch.equal(drawn(), after)
    assert not torch.equal(before, after)


@pytest.mark.parametrize(("share", "training"), [(0.0, True), (1.0, True), (0.5, False)])
def test_what_draws_nothing_is_torchs_own(share: float, training: bool) -> None:
    states = torch.randn(4, 3)
    with quick_dropout(CPU):
        found = functional.dropout(states, p=share, training=training)
    assert torch.equal(found, functional.dropout(states, p=share, training=training))


def test_torchs_own_is_back_afterwards_and_stays_on_a_gpu() -> None:
    before = functional.dropout
    with pytest.raises(ValueError, match="between 0 and 1"), quick_dropout(CPU):
        functional.dropout(torch.ones(2), p=-0.1)
    assert functional.dropout is before
    with quick_dropout(torch.device("cuda")):
        assert functional.dropout is before
