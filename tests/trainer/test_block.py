"""Tensors in one piece of memory: copied whole, and otherwise as if each lay alone."""

import torch

from trainer.block import ALIGNMENT, Block


def tensors(value: float) -> list[torch.Tensor]:
    return [
        torch.full((3, 5), value),
        torch.full((1,), int(value)),
        torch.full((0, 4), value),
        torch.full((2, 2, 2), value, dtype=torch.bfloat16),
    ]


def test_block_holds_copies_of_the_same_kind() -> None:
    given = tensors(2)
    block = Block(given)
    for copied, tensor in zip(block.tensors, given, strict=True):
        assert copied.dtype == tensor.dtype
        assert torch.equal(copied, tensor)
        assert copied.data_ptr() % ALIGNMENT == 0
    given[0].fill_(9)
    assert torch.equal(block.tensors[0], torch.full((3, 5), 2.0))


def test_each_tensor_has_a_storage_of_its_own() -> None:
    """Or all of a model would be cloned to be saved."""
    for tensor in Block(tensors(1)).tensors:
        assert tensor.untyped_storage().nbytes() == tensor.nbytes
        assert tensor.storage_offset() == 0


def test_all_contents_are_taken_at_once() -> None:
    block, other = Block(tensors(1)), Block(tensors(2))
    block.take(other)
    assert all(map(torch.equal, block.tensors, tensors(2)))
    block.tensors[0].fill_(7)
    assert torch.equal(other.tensors[0], torch.full((3, 5), 2.0))


def test_block_knows_its_own_memory() -> None:
    block = Block(tensors(1))
    assert block.holds([tensor.detach() for tensor in block.tensors])
    assert not block.holds([tensor.clone() for tensor in block.tensors])
    assert not block.holds(block.tensors[1:])
