"""Updates in pieces: the same gradients, loss, order and steps, whatever fits at once."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BartForConditionalGeneration

from config.schema import Configuration
from trainer.batches import IGNORED_LABEL
from trainer.data import DataFiles
from trainer.device import Precision
from trainer.errors import Interrupted, OutOfMemory
from trainer.evaluation import FitResult, Step
from trainer.fit import fit
from trainer.generate import generation_settings, padding_of, special_ids
from trainer.loss import TrainingLoss
from trainer.micro_batch import FittingBatch, InProcess, Load
from trainer.model import load_model
from trainer.objective import Objective
from trainer.projection import Projection
from trainer.resume_store import open_resume_store
from trainer.session import TrainingSession
from trainer.split_steps import SplitSteps
from trainer.tokens import load_tokenizer

MakeConfig = Callable[..., Configuration]
Gradients = Mapping[str, torch.Tensor]


@contextmanager
def little_memory(
    model: BartForConditionalGeneration, capacity: Callable[[bool], int]
) -> Iterator[list[int]]:
    """Let a model raise as CUDA does beyond so many examples, half way through its forward.

    `capacity` is asked with whether it trains; yields the sizes that did not fit.
    """
    refused: list[int] = []

    def refuse(module: torch.nn.Module, _: tuple[Any, ...], output: torch.Tensor) -> None:
        if len(output) > capacity(module.training):
            refused.append(len(output))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    hook = model.model.encoder.layers[0].fc2.register_forward_hook(refuse)
    try:
        yield refused
    finally:
        hook.remove()


@pytest.fixture
def model(tiny_config: MakeConfig) -> BartForConditionalGeneration:
    config = tiny_config(model={"architecture": {"dropout": 0.0}})
    model = load_model(config, load_tokenizer(config))
    model.generation_config = generation_settings(special_ids(model), config.generation)
    return model.train()


def batches_of(model: BartForConditionalGeneration, *sizes: int) -> list[dict[str, Any]]:
    """Batches of rows of differing lengths, no row like another."""
    padding, start, batches = padding_of(model), 10, []
    for size in sizes:
        rows = [
            {
                "input_ids": [start + row, *range(20, 25 + 3 * row), 1],
                "labels": [start + row, *range(30, 32 + row % 5), 1],
            }
            for row in range(size)
        ]
        batches.append(padding(rows))
        start += size
    return batches


def update(
    model: BartForConditionalGeneration,
    batches: Sequence[dict[str, Any]],
    *,
    size: int,
    capacity: int = 1_000,
    alpha: float = 0.0,
    before: Sequence[dict[str, Any]] = (),
) -> tuple[float, Gradients]:
    """One update's loss and gradients, `size` examples at once at most, one `before` it or none."""
    memory = InProcess()
    memory.found("k", size)
    steps = SplitSteps(model, FittingBatch(Load("batch", 1_000, "k", ""), memory))
    tokens = sum(int((batch["labels"] != IGNORED_LABEL).sum()) for batch in batches)
    projection = Projection.of(model, Precision("fp32", ""))
    loss_of = TrainingLoss(projection, Objective(label_smoothing=0.1, rdrop_alpha=alpha))

    def run(piece: dict[str, Any]) -> torch.Tensor:
        inputs = {name: tensor for name, tensor in piece.items() if name != "labels"}
        hidden = model.model(**inputs).last_hidden_state
        if alpha:  # no dropout here: the second pass stands for one by being another function
            loss = loss_of.of_both(hidden, hidden.tanh(), piece["labels"], tokens)
        else:
            loss = loss_of(hidden, piece["labels"], tokens)
        loss.backward()
        return loss.detach()

    steps.begin(torch.device("cpu"), 1)
    for batch in before:
        steps.add(batch, run)
    model.zero_grad()
    steps.begin(torch.device("cpu"), 2)
    losses: list[torch.Tensor] = []
    with little_memory(model, lambda _: capacity):
        for batch in batches:
            losses = steps.add(batch, run)
    assert len(losses) == len(batches)
    gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return math.fsum(map(float, losses)), gradients


def assert_alike(found: tuple[float, Gradients], expected: tuple[float, Gradients]) -> None:
    assert found[0] == pytest.approx(expected[0], rel=1e-6)
    assert found[1].keys() == expected[1].keys()
    for name, gradient in expected[1].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize(
    ("sizes", "pieces"),
    [((8,), (4, 2, 1)), ((6,), (5, 4, 3, 1)), ((50,), (25, 13, 7)), ((4, 4, 3), (3, 2, 1))],
)
def test_pieces_of_any_size_give_the_whole_batchs_gradients_and_loss(
    model: BartForConditionalGeneration, sizes: tuple[int, ...], pieces: tuple[int, ...]
) -> None:
    batches = batches_of(model, *sizes)
    whole = update(model, batches, size=1_000)
    for size in pieces:
        assert_alike(update(model, batches, size=size), whole)


def test_an_update_has_nothing_of_the_one_before(model: BartForConditionalGeneration) -> None:
    first, second, third = batches_of(model, 4, 3, 2)
    alone = update(model, [second, third], size=1_000)
    assert_alike(update(model, [second, third], size=1_000, before=[first]), alone)


def test_pieces_give_the_whole_batchs_gradients_and_loss_under_rdrop(
    model: BartForConditionalGeneration,
) -> None:
    batches = batches_of(model, 4, 4, 3)
    whole = update(model, batches, size=1_000, alpha=2.0)
    for size in (3, 2, 1):
        assert_alike(update(model, batches, size=size, alpha=2.0), whole)


def test_pieces_of_similar_length_give_the_whole_batchs_gradients_and_loss(
    model: BartForConditionalGeneration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a CPU cuts long batches: each piece as wide as its own longest row."""
    batches = batches_of(model, 8)
    whole = update(model, batches, size=1_000)
    widths: list[tuple[int, ...]] = []
    hook = model.model.encoder.register_forward_pre_hook(
        lambda _, __, inputs: widths.append(tuple(inputs["input_ids"].shape)), with_kwargs=True
    )
    monkeypatch.setattr("trainer.split_steps.UPDATE", 10)
    pieces = update(model, batches, size=1_000)
    hook.remove()
    assert len(widths) > 2
    assert sum(rows for rows, _ in widths) == 8
    assert [width for _, width in widths] == sorted({width for _, width in widths}, reverse=True)
    assert_alike(pieces, whole)


def test_an_update_that_runs_out_of_memory_half_way_is_done_again_as_a_whole(
    model: BartForConditionalGeneration,
) -> None:
    """The third batch is the one that does not fit: what the first two added is taken back."""
    batches = batches_of(model, 2, 2, 5)
    whole = update(model, batches, size=1_000)
    assert_alike(update(model, batches, size=1_000, capacity=4), whole)


@pytest.fixture
def session(data_files: DataFiles, tmp_path: Path) -> TrainingSession:
    return TrainingSession(data_files, tmp_path / "cache")


Trained = tuple[FitResult, list[float]]


def train(
    config: Configuration, session: TrainingSession, folder: Path, memory: InProcess | None = None
) -> Trained:
    steps: list[Step] = []
    result = fit(
        config,
        lambda _: True,
        session=session,
        output_dir=folder,
        on_step=steps.append,
        micro_batches=memory,
    )
    return result, [step.loss for step in steps]


def curve(trained: Trained) -> list[tuple[float, ...]]:
    return [(e.scores.rouge1, e.train_loss, e.eval_loss) for e in trained[0].evaluations]


def test_a_training_that_finds_its_size_ends_as_one_that_knew_it(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    """Found in the first update, known in the second training: equal to the last digit."""
    config = tiny_config(training={"gradient_accumulation_steps": 2, "learning_rate": 1e-2})
    memory = InProcess()
    model = session.weights(config).model
    with little_memory(model, lambda training: 1 if training else 3) as refused:
        finding = train(config, session, tmp_path / "finding", memory)
        assert refused == [4, 2, 4]  # training, then evaluation
        knowing = train(config, session, tmp_path / "knowing", memory)
    assert refused == [4, 2, 4]
    assert curve(finding) == curve(knowing)
    assert finding[1] == knowing[1]


def test_little_memory_changes_neither_steps_nor_scores(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    config = tiny_config(
        model={"architecture": {"dropout": 0.0}},
        training={"per_device_train_batch_size": 6, "learning_rate": 1e-3},  # 16 examples: 6, 6, 4
    )
    plenty = train(config, session, tmp_path / "plenty")
    with little_memory(session.weights(config).model, lambda _: 2) as refused:
        little = train(config, session, tmp_path / "little")
    assert refused == [6, 3, 4]
    assert len(little[1]) == len(plenty[1]) == 6
    assert little[1] == pytest.approx(plenty[1], rel=1e-4)
    assert [e.scores for e in little[0].evaluations] == [e.scores for e in plenty[0].evaluations]


def test_memory_that_shrinks_in_the_middle_ends_nothing(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    """Another program takes some: from there on the pieces are smaller, and no step is lost."""
    config = tiny_config(model={"architecture": {"dropout": 0.0}})
    plenty = train(config, session, tmp_path / "plenty")
    forwards = iter(range(1_000))
    with little_memory(
        session.weights(config).model, lambda _: 9 if next(forwards) < 5 else 2
    ) as refused:
        shrunk = train(config, session, tmp_path / "shrunk")
    assert refused[0] == 4
    assert len(shrunk[1]) == len(plenty[1])
    assert shrunk[1] == pytest.approx(plenty[1], rel=1e-4)


def test_a_training_is_repeated_by_the_sizes_it_took_where_everything_would_fit(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    config = tiny_config(training={"learning_rate": 1e-2})
    forwards = iter(range(1_000))
    with little_memory(
        session.weights(config).model,
        lambda training: 9 if not training or next(forwards) < 5 else 2,
    ):
        shrunk = train(config, session, tmp_path / "shrunk")
    sizes = shrunk[0].micro_batches
    assert list(sizes.items()) == [(1, 4), (6, 2)]
    planned = tiny_config(training={"learning_rate": 1e-2, "micro_batches": sizes})
    again = train(planned, session, tmp_path / "again")
    assert again[0].micro_batches == sizes
    assert (again[1], curve(again)) == (shrunk[1], curve(shrunk))
    assert train(config, session, tmp_path / "whole")[1] != shrunk[1]


class FoundByOthers(InProcess):
    """Another trial of the study has found that two fit at once."""

    def known(self, key: str) -> int | None:
        return super().known(key) or 2


def test_a_training_that_goes_on_keeps_its_size_whatever_others_found_meanwhile(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    config = tiny_config(training={"learning_rate": 1e-2})
    expected = train(config, session, tmp_path / "expected")
    store = open_resume_store(tmp_path / "store", "s/trial_00001")

    def leave(step: Step) -> None:
        if step.step == 3:
            raise Interrupted

    def begun(memory: InProcess, on_step: Callable[[Step], None]) -> FitResult:
        return fit(
            config,
            lambda _: True,
            session=session,
            output_dir=tmp_path / "out",
            on_step=on_step,
            resume=store,
            micro_batches=memory,
        )

    with pytest.raises(Interrupted):
        begun(InProcess(), leave)
    steps: list[Step] = []
    result = begun(FoundByOthers(), steps.append)
    assert [step.loss for step in steps] == expected[1][3:]
    assert result.micro_batches == {1: 4}


def test_where_not_one_example_fits_the_training_is_infeasible_and_the_session_usable(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    config = tiny_config()
    expected = train(config, session, tmp_path / "expected")
    with (
        little_memory(session.weights(config).model, lambda _: 0) as refused,
        pytest.raises(OutOfMemory, match="per_device_train_batch_size 4 does not fit") as caught,
    ):
        train(config, session, tmp_path / "none")
    assert refused == [4, 2, 1]
    assert caught.value.constraint == "memory"
    assert curve(train(config, session, tmp_path / "after")) == curve(expected)


def test_memory_that_ends_outside_a_step_is_infeasible_too(
    tiny_config: MakeConfig,
    session: TrainingSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The optimizer's own state: it is as large for one example as for many."""

    def no_room(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(torch.optim.AdamW, "step", no_room)
    with pytest.raises(OutOfMemory, match="Tried to allocate"):
        train(tiny_config(), session, tmp_path / "out")
