"""Summaries for a file of dialogues, made by a kept model in the way it was evaluated."""

from pathlib import Path

from trainer.data import read_examples
from trainer.device import cpu_threads
from trainer.device_errors import device_errors_named
from trainer.generate import generate
from trainer.member import read_member
from trainer.micro_batch import FittingBatch
from trainer.submission import Prediction
from trainer.tokens import decode_all


def predict(
    model_dir: Path, data: Path, *, batch_size: int | None = None, num_beams: int | None = None
) -> list[Prediction]:
    """Return a summary for each dialogue of the file, in its order.

    `model_dir` is a kept model, or the folder of a training, whose best model is then taken. Text
    is cleaned, cut and generated as the settings beside the model say; `batch_size` and
    `num_beams` replace theirs. Raises TrainerError where the folder holds no such model.
    """
    member = read_member(model_dir, num_beams=num_beams)
    examples = read_examples(data, need_summary=False)
    rows = member.rows(examples)
    batch = batch_size or member.config.training.per_device_eval_batch_size
    with cpu_threads(member.config.general.cpu_threads), device_errors_named():
        found = generate(
            member.model, rows, batch=FittingBatch.of(batch), precision=member.precision
        )
    summaries = decode_all(member.tokenizer, found)
    return [
        Prediction(example.fname, summary)
        for example, summary in zip(examples, summaries, strict=True)
    ]
