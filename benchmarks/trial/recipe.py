"""The guide's recipe brought to transformers 5 and nothing else: the peers of a trial.

Everything padded to 512 and 128, random order, gradient checkpointing, fp16 where there is a GPU,
an evaluation with beams each epoch through Seq2SeqTrainer in its default batches, a checkpoint of
everything each epoch. Texts, initial weights, search settings, schedule and ROUGE are those of hpo,
and the texts are encoded and padded before the clock starts.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from torch.utils.data import Dataset
from transformers import (
    BartForConditionalGeneration,
    EvalPrediction,
    PrinterCallback,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    default_data_collator,
)

from benchmarks.one_card import on_one_card
from benchmarks.trial.task import Task
from benchmarks.trial.trained import Clock, Places, Trained
from trainer.batches import IGNORED_LABEL
from trainer.device import cpu_threads
from trainer.encode import EncodedSplit
from trainer.generate import generation_settings, special_ids
from trainer.pretrained import read_model
from trainer.tokens import decode_all

PLACES: Places = {
    "training steps": ((Seq2SeqTrainer, "training_step"),),
    "evaluation": ((Seq2SeqTrainer, "evaluate"),),
    "checkpoint": ((Seq2SeqTrainer, "_save_checkpoint"),),
}


class Padded(Dataset[dict[str, torch.Tensor]]):
    """A split with every row at its full length, as `padding="max_length"` gives it."""

    def __init__(self, split: EncodedSplit, *, longest: tuple[int, int], pad: int) -> None:
        self.input_ids, self.mask = _filled(split.input_ids, longest[0], pad)
        self.labels, _ = _filled(split.labels, longest[1], IGNORED_LABEL)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {
            "input_ids": self.input_ids[index],
            "attention_mask": self.mask[index],
            "labels": self.labels[index],
        }


class Recipe:
    """A task as the recipe trains it."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.folder = task.folder / "recipe"
        self.values: list[float] = []
        self._tokenizer = task.session.tokenizer(task.config)
        self._scorer = task.session.scorer(task.config)
        model = task.config.model
        pad = self._tokenizer.pad_token_id
        longest = (model.max_encoder_length, model.max_decoder_length)
        splits = (task.session.train_split(task.config), task.session.dev_split(task.config))
        self._train, self._dev = (Padded(each, longest=longest, pad=pad) for each in splits)

    def by_train(self) -> Trained:
        """Train with `Seq2SeqTrainer.train()`."""
        trainer = self._trainer(model=self._model())
        return self._timed(trainer.train)

    def by_search(self) -> Trained:
        """Train as the only trial of `Trainer.hyperparameter_search`, which loads the model too."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        rate = self.task.config.training.learning_rate
        trainer = self._trainer(model_init=self._model)
        return self._timed(
            lambda: trainer.hyperparameter_search(
                hp_space=lambda trial: {
                    "learning_rate": trial.suggest_float("learning_rate", rate, rate)
                },
                compute_objective=lambda metrics: metrics["eval_value"],
                n_trials=1,
                direction="maximize",
                backend="optuna",
            )
        )

    def _timed(self, run: Callable[[], object]) -> Trained:
        shutil.rmtree(self.folder, ignore_errors=True)
        clock = Clock()
        with cpu_threads(self.task.threads), clock.running(PLACES):
            run()
        return Trained(clock.seconds, clock.cpu_seconds, tuple(self.values), clock.parts)

    def _model(self) -> BartForConditionalGeneration:
        model = read_model(self.task.config.model.name)
        model.generation_config = generation_settings(
            special_ids(model), self.task.config.generation
        )
        return model

    def _trainer(self, **model: Any) -> Seq2SeqTrainer:
        trainer = Seq2SeqTrainer(
            args=on_one_card(self._arguments(self.folder)),
            train_dataset=self._train,
            eval_dataset=self._dev,
            data_collator=default_data_collator,
            compute_metrics=self._scores,
            **model,
        )
        trainer.remove_callback(PrinterCallback)
        return trainer

    def _arguments(self, folder: Path) -> Seq2SeqTrainingArguments:
        training = self.task.config.training
        return Seq2SeqTrainingArguments(
            output_dir=str(folder),
            learning_rate=training.learning_rate,
            per_device_train_batch_size=training.per_device_train_batch_size,
            num_train_epochs=training.num_train_epochs,
            warmup_steps=training.warmup_ratio,
            weight_decay=training.weight_decay,
            fp16=torch.cuda.is_available(),
            activation_checkpointing=True,
            predict_with_generate=True,
            eval_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=3,
            load_best_model_at_end=True,
            metric_for_best_model="value",
            greater_is_better=True,
            seed=self.task.seed,
            use_cpu=not torch.cuda.is_available(),
            report_to="none",
            disable_tqdm=True,
            log_level="error",
        )

    def _scores(self, found: EvalPrediction) -> dict[str, float]:
        ids: Any = found.predictions
        summaries = decode_all(self._tokenizer, np.asarray(ids).tolist())
        references = [example.summaries for example in self.task.session.dev]
        scores = self._scorer.score(summaries, references)
        self.values.append(scores.value(self.task.config.metric.name))
        return {"value": self.values[-1]}


def _filled(rows: Any, width: int, fill: int) -> tuple[torch.Tensor, torch.Tensor]:
    values = torch.full((len(rows), width), fill)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for index, row in enumerate(rows):
        values[index, : len(row)] = torch.tensor(row)
        mask[index, : len(row)] = 1
    return values, mask
