"""Summaries for a file of dialogues, made by a kept model in the way it was evaluated."""

from pathlib import Path

from config.errors import ConfigError
from config.load import load
from config.schema import Configuration
from trainer.checkpoint import SETTINGS_FILE
from trainer.data import read_examples
from trainer.device import cpu_threads, pick_device, pick_precision
from trainer.device_errors import device_errors_named
from trainer.encode import encoded
from trainer.errors import TrainerError
from trainer.generate import generate, generation_settings, special_ids
from trainer.micro_batch import FittingBatch
from trainer.pretrained import quiet_transformers, read_model
from trainer.scores import best_model
from trainer.submission import Prediction
from trainer.tokens import decode_all, read_tokenizer


def predict(
    model_dir: Path, data: Path, *, batch_size: int | None = None, num_beams: int | None = None
) -> list[Prediction]:
    """Return a summary for each dialogue of the file, in its order.

    `model_dir` is a kept model, or the folder of a training, whose best model is then taken. Text
    is cleaned, cut and generated as the settings beside the model say; `batch_size` and
    `num_beams` replace theirs. Raises TrainerError where the folder holds no such model.
    """
    quiet_transformers()
    folder = best_model(model_dir)
    config = _settings(folder)
    examples = read_examples(data, need_summary=False)
    tokenizer = read_tokenizer(str(folder))
    split = encoded(config, examples, tokenizer=tokenizer, cache_dir=None)
    device = pick_device()
    batch = batch_size or config.training.per_device_eval_batch_size
    with cpu_threads(config.general.cpu_threads), device_errors_named():
        model = read_model(str(folder)).to(device)  # type: ignore[arg-type]  # as in model.py
        model.generation_config = generation_settings(
            special_ids(model), config.generation, num_beams=num_beams
        )
        rows = generate(
            model,
            split.input_ids,
            batch=FittingBatch.of(batch),
            precision=pick_precision(config.training.precision, device),
        )
    summaries = decode_all(tokenizer, rows)
    return [
        Prediction(example.fname, summary)
        for example, summary in zip(examples, summaries, strict=True)
    ]


def _settings(folder: Path) -> Configuration:
    path = folder / SETTINGS_FILE
    if not path.is_file():
        raise TrainerError(f"{folder} holds no {SETTINGS_FILE}; give a model that hpo has trained")
    try:
        return load(str(path))
    except ConfigError as error:
        raise TrainerError(f"{path} can't be used: {error}") from error
