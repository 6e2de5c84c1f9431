"""One training: its seam, what it keeps on disk, and that it always gives the same."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from config.load import dump, load
from config.schema import Configuration
from trainer.data import DataFiles
from trainer.device import Precision, has_amx
from trainer.errors import Interrupted, TrainerError, TrainingDiverged
from trainer.evaluation import Evaluation, FitResult, Step
from trainer.fit import fit
from trainer.resume_store import open_resume_store
from trainer.session import TrainingSession

MakeConfig = Callable[..., Configuration]
LAYER = "model.encoder.layers.0.fc1.weight"


class RecordingCallbacks:
    """Takes every step and evaluation; says stop, or raises, at a chosen one."""

    def __init__(self, *, stop_at: int = 0, fail_at_step: int = 0) -> None:
        self.evaluations: list[Evaluation] = []
        self.steps: list[Step] = []
        self.stop_at = stop_at
        self.fail_at_step = fail_at_step

    def on_evaluation(self, evaluation: Evaluation) -> bool:
        self.evaluations.append(evaluation)
        return len(self.evaluations) != self.stop_at

    def on_step(self, step: Step) -> None:
        self.steps.append(step)
        if step.step == self.fail_at_step:
            raise KeyboardInterrupt


@pytest.fixture
def session(data_files: DataFiles, tmp_path: Path) -> TrainingSession:
    return TrainingSession(data_files, tmp_path / "cache")


def train(config: Configuration, session: TrainingSession, folder: Path) -> FitResult:
    return fit(config, lambda _: True, session=session, output_dir=folder)


def scores_of(result: FitResult) -> list[tuple[float, ...]]:
    return [
        (e.scores.rouge1, e.scores.rouge2, e.scores.rougeL, e.train_loss, e.eval_loss)
        for e in result.evaluations
    ]


def test_every_evaluation_and_step_is_told(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    config = tiny_config(training={"num_train_epochs": 2, "evaluations_per_epoch": 2})
    seen = RecordingCallbacks()
    result = fit(
        config,
        seen.on_evaluation,
        session=session,
        output_dir=tmp_path / "out",
        on_step=seen.on_step,
    )
    assert [s.step for s in seen.steps] == list(range(1, 9))
    assert {s.total_steps for s in seen.steps} == {8}
    assert [(e.step, e.epoch) for e in seen.evaluations] == [(1, 0.5), (2, 1.0), (3, 1.5), (4, 2.0)]
    assert result.evaluations == tuple(seen.evaluations)
    assert result.ended == "finished"
    assert seen.evaluations[0].train_loss == pytest.approx(
        (seen.steps[0].loss + seen.steps[1].loss) / 2
    )
    first = seen.evaluations[0]
    assert len(first.samples) == 3
    assert first.samples[0].reference.startswith("#Person1#")
    assert 0 < first.seconds <= result.seconds


def test_checkpoint_that_lacks_the_tokenizers_rows_is_trained_to_the_end(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path, saved_model: Path
) -> None:
    """As the presets do with gogamza/kobart-base-v2: adding rows changes the model's modules."""
    config = tiny_config(model={"name": str(saved_model), "init": "pretrained"})
    first, again = (train(config, session, tmp_path / name) for name in ("first", "again"))
    assert first.ended == "finished"
    assert scores_of(first) == scores_of(again)


def test_the_best_model_is_kept_whole(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    config = tiny_config(training={"num_train_epochs": 3, "learning_rate": 1e-2})
    result = train(config, session, tmp_path / "out")
    values = [e.scores.value(config.metric.name) for e in result.evaluations]
    assert result.best.scores.value(config.metric.name) == max(values)
    assert result.best.step == values.index(max(values)) + 1
    assert result.checkpoint == result.best.checkpoint
    kept = {path.name for path in result.checkpoint.iterdir()}
    assert kept >= {
        "model.safetensors",
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "scores.json",
        "settings.yaml",
    }
    assert load(str(result.checkpoint / "settings.yaml")) == config
    assert [p.name for p in (tmp_path / "out").glob("evaluation-*")] == [result.checkpoint.name]


def test_scores_file_holds_the_curve(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    result = train(tiny_config(), session, tmp_path / "out")
    report = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert [each["step"] for each in report["evaluations"]] == [1, 2]
    assert report["value"] == result.best.scores.rouge_combined_f1
    assert report["best"]["checkpoint"] == result.checkpoint.name


def test_warm_and_cold_trainings_give_the_same_to_the_last_digit(
    tiny_config: MakeConfig, session: TrainingSession, data_files: DataFiles, tmp_path: Path
) -> None:
    config = tiny_config(training={"learning_rate": 1e-2, "label_smoothing": 0.1})
    other = tiny_config(
        general={"seed": 7},
        training={"gradient_checkpointing": True, "gradient_accumulation_steps": 2},
        generation={"num_beams": 3, "length_penalty": 1.4},
    )
    first = train(config, session, tmp_path / "first")
    train(other, session, tmp_path / "other")
    again = train(config, session, tmp_path / "again")
    cold = train(config, TrainingSession(data_files, tmp_path / "fresh"), tmp_path / "cold")
    assert scores_of(first) == scores_of(again) == scores_of(cold)


def test_another_process_gives_the_same_to_the_last_digit(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    config = tiny_config(general={"cpu_threads": 1}, training={"learning_rate": 1e-2})
    here = train(config, session, tmp_path / "here")
    settings = tmp_path / "settings.yaml"
    settings.write_text(dump(config), encoding="utf-8")
    program = (
        "import sys; from pathlib import Path; from config.load import load;"
        "from trainer.data import locate_data; from trainer.fit import fit;"
        "from trainer.session import TrainingSession;"
        "config = load(sys.argv[1]); files = locate_data(config.general.data_path);"
        "session = TrainingSession(files, Path(sys.argv[2]) / 'cache');"
        "fit(config, lambda e: True, session=session, output_dir=Path(sys.argv[2]))"
    )
    there = tmp_path / "there"
    done = subprocess.run(
        [sys.executable, "-c", program, str(settings), str(there)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    reports = [
        json.loads((folder / "scores.json").read_text(encoding="utf-8"))
        for folder in (tmp_path / "here", there)
    ]
    for report in reports:
        for evaluation in (report["best"], *report["evaluations"]):
            del evaluation["seconds"]
    assert reports[0] == reports[1]
    assert here.threads == 1


def test_seed_changes_the_training(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    losses = {
        train(tiny_config(general={"seed": seed}), session, tmp_path / str(seed)).best.eval_loss
        for seed in (1, 2)
    }
    assert len(losses) == 2


def test_training_learns(tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path) -> None:
    config = tiny_config(training={"num_train_epochs": 6, "learning_rate": 2e-2})
    result = train(config, session, tmp_path / "out")
    assert result.evaluations[-1].eval_loss < result.evaluations[0].eval_loss - 0.5


def trained_weights(result: FitResult) -> dict[str, torch.Tensor]:
    return load_file(result.checkpoint / "model.safetensors")


def test_batch_of_8_and_twice_4_give_the_same_update(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    """To rounding, with smoothing and rows of differing lengths; a rate that shows each update."""
    model = {"architecture": {"dropout": 0.0}}
    common = {"num_train_epochs": 1, "learning_rate": 1e-3, "label_smoothing": 0.1}
    found = []
    for batch, accumulation in ((8, 1), (4, 2), (4, 1)):
        config = tiny_config(
            model=model,
            training=common
            | {
                "per_device_train_batch_size": batch,
                "gradient_accumulation_steps": accumulation,
            },
        )
        steps: list[Step] = []
        result = fit(
            config,
            lambda _: True,
            session=session,
            output_dir=tmp_path / f"{batch}-{accumulation}",
            on_step=steps.append,
        )
        found.append((trained_weights(result), [step.loss for step in steps]))
    (whole, losses), (halves, other_losses), (smaller, _) = found
    assert other_losses == pytest.approx(losses, rel=1e-6)
    assert len(losses) == 2
    for name, tensor in whole.items():
        assert torch.allclose(tensor, halves[name], atol=2e-5), name
    assert not torch.allclose(whole[LAYER], smaller[LAYER], atol=2e-5)


def test_limit_of_kept_models_keeps_the_best(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    config = tiny_config(
        training={"num_train_epochs": 5, "learning_rate": 2e-2, "save_total_limit": 2}
    )
    result = train(config, session, tmp_path / "out")
    values = [e.scores.value(config.metric.name) for e in result.evaluations]
    best_two = sorted(range(5), key=lambda index: (-values[index], index))[:2]
    kept = {path.name for path in (tmp_path / "out").glob("evaluation-*")}
    assert kept == {f"evaluation-{index + 1}" for index in best_two}
    assert result.checkpoint.name == f"evaluation-{best_two[0] + 1}"
    report = json.loads((result.checkpoint / "scores.json").read_text(encoding="utf-8"))
    assert len(report["evaluations"]) == result.best.step  # as it stood when it was kept


def test_false_ends_the_training(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    seen = RecordingCallbacks(stop_at=1)
    result = fit(
        tiny_config(training={"num_train_epochs": 5}),
        seen.on_evaluation,
        session=session,
        output_dir=tmp_path / "out",
    )
    assert result.ended == "stopped"
    assert len(result.evaluations) == 1


def test_patience_ends_a_training_that_no_longer_improves(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    # a rate so small that every evaluation is equal, and only the first is best
    config = tiny_config(
        training={"num_train_epochs": 9, "learning_rate": 1e-12, "early_stopping_patience": 2}
    )
    result = train(config, session, tmp_path / "out")
    assert result.ended == "early_stopping"
    assert [e.is_best for e in result.evaluations] == [True, False, False]
    assert {e.checkpoint.name for e in result.evaluations} == {"evaluation-1"}


def test_interrupt_passes_through_and_leaves_the_session_usable(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    config = tiny_config(training={"gradient_checkpointing": True})
    expected = train(config, session, tmp_path / "expected")
    seen = RecordingCallbacks(fail_at_step=3)
    with pytest.raises(KeyboardInterrupt):
        fit(
            config,
            seen.on_evaluation,
            session=session,
            output_dir=tmp_path / "broken",
            on_step=seen.on_step,
        )
    assert len(seen.steps) == 3
    assert scores_of(train(config, session, tmp_path / "after")) == scores_of(expected)


def test_callback_error_passes_through_unchanged(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    error = ConnectionError("the database is gone")

    def on_evaluation(_: Evaluation) -> bool:
        raise error

    with pytest.raises(ConnectionError) as caught:
        fit(tiny_config(), on_evaluation, session=session, output_dir=tmp_path / "out")
    assert caught.value is error
    assert (tmp_path / "out" / "evaluation-1" / "model.safetensors").is_file()


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_nothing_is_written_where_the_check_before_it_raises(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path, call: int
) -> None:
    """Before a model is written, it is renamed, scores are written, and the next model is."""
    folder = tmp_path / "out"
    seen: list[list[str]] = []

    def before_write() -> None:
        seen.append(sorted(path.name for path in folder.glob("[!.]*")))
        if len(seen) == call:
            raise LookupError

    config = tiny_config(training={"num_train_epochs": 5, "learning_rate": 1e-2})
    with pytest.raises(LookupError):
        fit(
            config,
            lambda _: True,
            session=session,
            output_dir=folder,
            before_write=before_write,
        )
    found = sorted(path.name for path in folder.glob("*"))
    assert (
        found == seen[-1] == [[], [], ["evaluation-1"], ["evaluation-1", "scores.json"]][call - 1]
    )


def test_diverged_training_ends_at_the_step_where_it_did(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    config = tiny_config()
    weights = session.weights(config)
    with torch.no_grad():
        weights._start.tensors[0].fill_(float("nan"))
    with pytest.raises(TrainingDiverged) as caught:
        train(config, session, tmp_path / "out")
    assert caught.value.step == 1
    assert "the loss is nan at optimizer step 1" in str(caught.value)


def test_a_training_that_a_high_rate_blows_up_is_ended_and_the_next_is_as_ever(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    expected = train(tiny_config(), session, tmp_path / "expected")
    wild = tiny_config(training={"learning_rate": 1.0, "num_train_epochs": 20, "warmup_ratio": 0.0})
    with pytest.raises(TrainingDiverged, match="twice the loss of guessing") as caught:
        train(wild, session, tmp_path / "wild")
    assert caught.value.constraint == "divergence"
    assert caught.value.step < 80  # of 80
    assert scores_of(train(tiny_config(), session, tmp_path / "after")) == scores_of(expected)


def test_nothing_is_printed(
    tiny_config: MakeConfig,
    session: TrainingSession,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    config = tiny_config(
        training={"gradient_checkpointing": True, "save_total_limit": 2},
        generation={"num_beams": 2, "length_penalty": 1.5},
    )
    train(config, session, tmp_path / "out")
    assert capfd.readouterr() == ("", "")
    assert [str(warning.message) for warning in recwarn] == []


def test_threads_are_used_and_given_back(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    before = torch.get_num_threads()
    wanted = before + 1
    inside: list[int] = []
    result = fit(
        tiny_config(general={"cpu_threads": wanted}, training={"num_train_epochs": 1}),
        lambda _: True,
        session=session,
        output_dir=tmp_path / "out",
        on_step=lambda _: inside.append(torch.get_num_threads()),
    )
    assert result.threads == wanted
    assert set(inside) == {wanted}
    assert torch.get_num_threads() == before


def test_more_evaluations_than_steps_are_refused(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    config = tiny_config(training={"evaluations_per_epoch": 5})
    with pytest.raises(TrainerError, match="evaluations_per_epoch is 5 but an epoch has only 4"):
        train(config, session, tmp_path / "out")


def test_text_longer_than_the_model_is_refused(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    config = tiny_config(model={"max_encoder_length": 512})
    with pytest.raises(TrainerError, match=r"max_encoder_length asks for 512 positions .* has 256"):
        train(config, session, tmp_path / "out")


def test_texts_as_long_as_the_model_are_trained_on(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    """26 positions are no multiple of the eight that batches are padded to."""
    lengths = {"max_encoder_length": 26, "max_decoder_length": 26}
    config = tiny_config(model={**lengths, "architecture": {"max_position_embeddings": 26}})
    assert len(train(config, session, tmp_path / "out").evaluations) == 2


def test_earlier_models_in_the_folder_are_replaced(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    train(tiny_config(training={"num_train_epochs": 3, "save_total_limit": 3}), session, folder)
    assert len(list(folder.glob("evaluation-*"))) == 3
    (folder / "notes.txt").write_text("mine")
    train(tiny_config(training={"num_train_epochs": 1}), session, folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "evaluation-1",
        "notes.txt",
        "scores.json",
    ]


@pytest.mark.skipif(not has_amx(), reason="this CPU does not multiply in bf16")
def test_mixed_precision_holds_for_each_training_and_leaves_no_trace(
    tiny_config: MakeConfig,
    session: TrainingSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a CPU the layers stay in fp32: only products with the vocabulary are in bf16."""
    # so far that weights are no longer small and alike: bf16 would be lost in the loss's last digit
    config = tiny_config(
        training={"num_train_epochs": 2, "learning_rate": 0.02, "precision": "fp32"}
    )
    before = train(config, session, tmp_path / "before")
    layer = session.weights(config).model.model.decoder.layers[0].fc1
    with monkeypatch.context() as patch:
        patch.setattr("trainer.fit.pick_precision", lambda *_: Precision("bf16", "for a test"))
        results, dtypes = [], []
        for name in ("one", "two"):
            seen: set[torch.dtype] = set()
            hook = layer.register_forward_hook(lambda *call, seen=seen: seen.add(call[2].dtype))
            results.append(train(config, session, tmp_path / name))
            hook.remove()
            dtypes.append(seen)
    assert dtypes == [{torch.float32}, {torch.float32}]
    assert scores_of(results[0]) == scores_of(results[1]) != scores_of(before)
    assert results[0].precision_reason == "for a test"
    assert scores_of(train(config, session, tmp_path / "after")) == scores_of(before)


@pytest.mark.gpu
@pytest.mark.parametrize("wanted", ["auto", "fp16", "fp32"])
def test_gpu_trains_in_its_precision_and_memory_returns(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path, wanted: str
) -> None:
    config = tiny_config(training={"precision": wanted})
    dtypes: set[torch.dtype] = set()
    model = session.weights(config).model
    model.model.decoder.layers[0].fc1.register_forward_hook(
        lambda _module, _inputs, output: dtypes.add(output.dtype)
    )
    allocated = []
    for number in range(3):
        result = train(config, session, tmp_path / str(number))
        allocated.append(torch.cuda.memory_allocated())
    expected = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
    assert dtypes == {expected[result.precision]}
    if wanted == "auto":
        assert (result.precision == "bf16") == (torch.cuda.get_device_capability() >= (8, 0))
    else:
        assert result.precision == wanted
    assert allocated[0] == allocated[1] == allocated[2]


@pytest.mark.gpu
@pytest.mark.parametrize("wanted", ["auto", "fp16"])
def test_gpu_goes_on_where_a_training_was_broken_off(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path, wanted: str
) -> None:
    config = tiny_config(training={"num_train_epochs": 2, "precision": wanted})
    steps: list[int] = []

    def leave(step: Step) -> None:
        if step.step == 3:
            raise Interrupted

    def begun(on_step: Callable[[Step], None]) -> FitResult:
        return fit(
            config,
            lambda _: True,
            session=session,
            output_dir=tmp_path / "out",
            on_step=on_step,
            resume=open_resume_store(str(tmp_path / "states"), "trial"),
        )

    with pytest.raises(Interrupted):
        begun(leave)
    result = begun(lambda step: steps.append(step.step))
    assert steps[0] == 4
    assert len(result.evaluations) == 2
