"""What the turnover's benchmark makes of the events that it notes."""

import pytest

from benchmarks.turnover.marks import Mark, Marks, turnovers
from benchmarks.turnover.report import memory


def events(*noted: tuple[str, float]) -> list[Mark]:
    return [Mark(what, at, cpu=at / 2) for what, at in noted]


def test_a_turnover_lies_between_a_trials_end_and_the_next_ones_first_step():
    noted = events(("begin", 0), ("step", 1), ("end", 2), ("begin", 5), ("step", 7), ("end", 9))
    (found,) = turnovers(noted)
    assert (found.begin, found.step, found.cpu) == (3, 5, 2.5)


def test_the_last_of_several_evaluations_ends_a_trial():
    noted = events(("end", 2), ("end", 4), ("begin", 5), ("begin", 5.5), ("step", 6))
    assert [one.begin for one in turnovers(noted)] == [1]


def test_a_training_cut_off_before_its_step_is_no_turnover():
    assert turnovers(events(("end", 1), ("begin", 2), ("end", 3))) == []


def test_marks_are_found_by_their_kind():
    marks = Marks()
    for what in ("begin", "step", "begin"):
        marks.note(what)
    assert marks.first("begin") is marks.noted[0]
    assert marks.last("begin") is marks.noted[2]


def test_memory_is_told_as_growth_over_the_first_trial():
    mib = 2**20
    told = memory([(1200 * mib, 200 * mib), (1900 * mib, 300 * mib), (1410 * mib, 400 * mib)])
    assert "1000 MiB in use of 1200 resident" in told
    assert told.endswith("1010 of 1410: +1.00% in use; most resident 1900 MiB")


def test_marks_follow_any_model_and_optimizer(tiny_step):
    marks = Marks()
    with marks.noting():
        tiny_step()
    tiny_step()
    assert [mark.what for mark in marks.noted] == ["begin", "step"]


@pytest.fixture
def tiny_step():
    import torch
    from small_training import TINY
    from transformers import BartConfig, BartForConditionalGeneration

    model = BartForConditionalGeneration(BartConfig(vocab_size=10, pad_token_id=1, **TINY)).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step() -> None:
        ids = torch.tensor([[2, 3]])
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()

    return step
