"""The peers' training: transformers' usual recipe, and nothing that slows its start or first step.

No datasets library, no W&B, no saving, padding to the longest of a batch only: a usual script has
all of them, and is slower still.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from torch.utils.data import Dataset
from transformers import (
    BartForConditionalGeneration,
    DataCollatorForSeq2Seq,
    PreTrainedTokenizerFast,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    TrainerCallback,
)
from typing_extensions import override

from benchmarks.one_card import on_one_card
from benchmarks.turnover.marks import Marks

BATCH = 4


class Ends(TrainerCallback):
    """Notes the end of each evaluation."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    @override
    def on_evaluate(self, *args: Any, **kwargs: Any) -> None:
        self._marks.note("end")


def load_model(folder: str) -> BartForConditionalGeneration:
    """Read the model as every recipe does."""
    return BartForConditionalGeneration.from_pretrained(folder)


def recipe(
    model: BartForConditionalGeneration | None,
    *,
    name: str,
    data: str,
    output: str,
    marks: Marks,
    model_init: Callable[[], BartForConditionalGeneration] | None = None,
) -> Seq2SeqTrainer:
    """Return the Trainer, its data encoded; `model_init` in place of a model for a search."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(name)
    return Seq2SeqTrainer(
        model=model,
        model_init=model_init,
        args=on_one_card(
            Seq2SeqTrainingArguments(
                output_dir=output,
                per_device_train_batch_size=BATCH,
                per_device_eval_batch_size=8,
                num_train_epochs=1,
                eval_strategy="epoch",
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
            )
        ),
        train_dataset=_encoded(Path(data) / "train.csv", tokenizer),
        eval_dataset=_encoded(Path(data) / "dev.csv", tokenizer),
        data_collator=DataCollatorForSeq2Seq(tokenizer),
        callbacks=[Ends(marks)],
    )


def _encoded(path: Path, tokenizer: PreTrainedTokenizerFast) -> Dataset[Any]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    inputs = tokenizer([row["dialogue"] for row in rows], max_length=256, truncation=True)
    labels = tokenizer([row["summary"] for row in rows], max_length=64, truncation=True)
    pairs = zip(inputs["input_ids"], inputs["attention_mask"], labels["input_ids"], strict=True)
    return cast(
        "Dataset[Any]",
        [{"input_ids": ids, "attention_mask": mask, "labels": label} for ids, mask, label in pairs],
    )
