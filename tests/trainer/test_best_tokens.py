"""The best tokens: those of all logarithms written out, whatever way they are looked for."""

import pytest
import torch

from trainer.best_tokens import MEMBERS, best_tokens
from trainer.projection import Product, Projection
from trainer.search_rules import Rules

NGRAM = 2


def rules(forced_last: tuple[int, ...] = ()) -> Rules:
    return Rules(
        start=2,
        ends=(1,),
        forced_first=None,
        forced_last=forced_last,
        beams=1,
        ngram=NGRAM,
        length_penalty=1.0,
        max_length=5,
    )


@pytest.mark.parametrize("vocabulary", [5, 2 * MEMBERS * 4, 1000, 1001])
@pytest.mark.parametrize("forced_last", [(), (3,)])
@pytest.mark.parametrize("scale", [1.0, 60.0])
def test_they_are_those_of_all_logarithms(
    vocabulary: int, forced_last: tuple[int, ...], scale: float
) -> None:
    """Also where the exponentials of logits are too large to be summed."""
    generator = torch.Generator().manual_seed(vocabulary)
    hidden = scale * torch.randn(6, 4, generator=generator)
    projection = Projection(
        torch.randn(vocabulary, 4, generator=generator),
        torch.randn(vocabulary, generator=generator),
    )
    logits = hidden @ projection.weight.T + projection.bias
    likeliest = int(logits[0].argmax())
    sequences = torch.tensor(
        [[2, likeliest, 0, 2]] + [[2, 4, 4, 4]] * 5
    )  # 2 again: never likeliest
    product = Product(projection, rows=6)
    values, tokens = best_tokens(hidden, product, rules(forced_last), sequences, count=4)
    expected = torch.log_softmax(logits, dim=1)
    expected[0, likeliest] = float("-inf")
    expected[1:, 4] = float("-inf")
    if forced_last:
        expected.fill_(float("-inf"))
        expected[:, 3] = 0.0
    best = expected.topk(4)
    torch.testing.assert_close(values, best.values)
    finite = best.values.isfinite()
    assert torch.equal(tokens[finite], best.indices[finite])


@pytest.mark.parametrize(("scale", "products"), [(1.0, 1), (60.0, 2)])
def test_logits_are_worked_out_again_only_where_their_exponentials_are_too_large(
    scale: float, products: int
) -> None:
    generator = torch.Generator().manual_seed(1)
    projection = Projection(torch.randn(1000, 4, generator=generator), torch.zeros(1000))
    hidden = scale * torch.randn(6, 4, generator=generator)
    asked: list[torch.Tensor] = []

    class Counted(Product):
        def __call__(self, states: torch.Tensor) -> torch.Tensor:
            asked.append(states)
            return super().__call__(states)

    counted = Counted(projection, rows=6)
    best_tokens(hidden, counted, rules(), torch.tensor([[2, 4]] * 6), count=4)
    assert len(asked) == products
