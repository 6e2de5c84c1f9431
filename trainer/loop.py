"""The training loop: transformers' Seq2SeqTrainer with our order, loss, and evaluation.

The Trainer keeps the loop, accumulation, clipping, optimizer, schedule and precision. Ours are the
order of the examples, the loss, when to evaluate and what that means. It logs, prints and writes
nothing.
"""

from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import torch
import transformers
from torch.utils.data import Dataset
from transformers import (
    BartForConditionalGeneration,
    PrinterCallback,
    Seq2SeqTrainingArguments,
    TrainerState,
)
from typing_extensions import override  # Python 3.11's typing has none

from trainer.attention import attention_of_any_shape, padding_mask
from trainer.batches import LengthGrouped, Padding
from trainer.device import Precision
from trainer.embeddings import gradients_in_place
from trainer.encode import EncodedSplit
from trainer.errors import TrainerError
from trainer.layerwise import layerwise_groups
from trainer.loss import TrainingLoss
from trainer.micro_batch import FittingBatch
from trainer.objective import Objective
from trainer.progress import Progress, mean
from trainer.projection import Projection
from trainer.rng import rng_states, set_rng_states
from trainer.snapshot import Position, Snapshot, named_weights, set_optimizer
from trainer.split_steps import SplitSteps
from trainer.watch import Watch
from trainer.weight_decay import decayed_names

with redirect_stdout(None):  # transformers prints a line here where WANDB_MODE is offline
    from transformers import Seq2SeqTrainer
    from transformers.trainer import TRAINER_STATE_NAME


class Loop(Seq2SeqTrainer):
    """Seq2SeqTrainer with our order of examples and `on_evaluation` in place of its evaluation."""

    def __init__(
        self,
        *,
        model: BartForConditionalGeneration,
        arguments: Seq2SeqTrainingArguments,
        examples: EncodedSplit,
        padding: Padding,
        objective: Objective,
        precision: Precision,
        watch: Watch,
        batch: FittingBatch,
        on_evaluation: Callable[[Progress, Callable[[], Snapshot]], bool],
        saved: Snapshot | None = None,
        micro_batches: Mapping[int, int] | None = None,
    ) -> None:
        loss = TrainingLoss(Projection.of(model, precision), objective)
        super().__init__(
            model=model,
            args=arguments,
            data_collator=padding,
            train_dataset=cast("Dataset[Any]", examples),
            compute_loss_func=loss,  # has the Trainer count the update's targets
            callbacks=[watch],
        )
        self.remove_callback(PrinterCallback)
        if self.args.device.type == "cpu":  # all is there, and to see that takes a look at it all
            self.accelerator.device_placement = False
        self.loss = loss
        self.objective: Objective = objective  # mypy cannot tell through the Trainer
        self.watch = watch
        self.examples = examples
        taken = dict(saved.position.micro_batches) if saved else None
        self.split_steps = SplitSteps(model, batch, planned=micro_batches, taken=taken)
        self.on_evaluation = on_evaluation
        self._saved = saved
        self._restored: set[str] = set()

    def run(self) -> None:
        """Train, from the saved snapshot where there is one: the model has its weights already."""
        model = cast("BartForConditionalGeneration", self.model)
        with gradients_in_place(model), attention_of_any_shape():
            if self._saved is None:
                self.train()
            else:
                self._take_up(self._saved.position)

    def _take_up(self, position: Position) -> None:
        self.watch.begin_anew(position.losses)
        self.watch.learning_rate = position.learning_rate
        state = TrainerState(global_step=position.step, epoch=position.epoch)
        state.train_batch_size = self.args.train_batch_size
        with TemporaryDirectory() as folder:  # all that the Trainer itself reads from there
            state.save_to_json(str(Path(folder) / TRAINER_STATE_NAME))
            self.train(resume_from_checkpoint=folder)

    def snapshot(self) -> Snapshot:
        """Return what the next step follows from."""
        if self.optimizer is None or self.lr_scheduler is None:
            raise RuntimeError("there is nothing to save before the training begins")
        return Snapshot(
            position=Position(
                step=self.state.global_step,
                epoch=self.state.epoch or 0.0,
                losses=self.watch.losses,
                learning_rate=self.watch.learning_rate,
                micro_batches=tuple(self.split_steps.taken.items()),
            ),
            weights=named_weights(cast("torch.nn.Module", self.model)),
            optimizer=self.optimizer.state_dict(),
            scheduler=self.lr_scheduler.state_dict(),
            scaler=self.accelerator.scaler and self.accelerator.scaler.state_dict(),
            rng=rng_states(),
        )

    @override
    def _get_train_sampler(self, train_dataset: Dataset[Any] | None = None) -> LengthGrouped:
        together = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthGrouped(self.examples.input_ids.lengths, batch=together, seed=self.args.seed)

    @override
    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        if self.objective.layerwise_lr_decay == 1 or self.optimizer is not None:
            made: torch.optim.Optimizer = super().create_optimizer(model)
            return made
        trained = cast("BartForConditionalGeneration", self.model)
        kind, settings = self.get_optimizer_cls_and_kwargs(self.args, trained)
        groups = layerwise_groups(
            trained,
            decayed=frozenset(self.get_decay_parameter_names(trained)),
            factor=self.objective.layerwise_lr_decay,
            learning_rate=self.args.learning_rate,
            weight_decay=self.args.weight_decay,
        )
        self.optimizer = kind(groups, **settings)
        return self.optimizer

    @override
    def get_decay_parameter_names(self, model: torch.nn.Module) -> list[str]:
        return decayed_names(model, super().get_decay_parameter_names)

    @override
    def training_step(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        if self._saved is not None and self._restored != {"optimizer", "rng"}:
            raise TrainerError(
                f"transformers {transformers.__version__} takes up a training in a way that hpo "
                "does not know; install the version that requirements.lock names"
            )
        if self.watch.between_updates:
            self.split_steps.begin(self.args.device, self.state.global_step + 1)
        step = super().training_step
        losses = self.split_steps.add(inputs, lambda piece: step(model, piece, num_items_in_batch))
        self.watch.saw(losses)
        return losses[-1]

    @override
    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        labels = inputs.pop("labels")
        inputs = {**inputs, "attention_mask": padding_mask(inputs["attention_mask"])}
        with self.accelerator.autocast():
            # without the projection onto the vocabulary: the loss sees to that
            body = cast("BartForConditionalGeneration", model).model
            hidden = body(**inputs, use_cache=False).last_hidden_state
            if not self.objective.rdrop_alpha:
                return self.loss(hidden, labels, num_items_in_batch)
            again = body(**inputs, use_cache=False).last_hidden_state  # under other dropout
            return self.loss.of_both(hidden, again, labels, num_items_in_batch)

    @override
    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        self.control.should_evaluate = False
        progress = Progress(
            step=self.state.global_step,
            epoch=self.state.epoch or 0.0,
            train_loss=mean(self.watch.losses),
            learning_rate=self.watch.learning_rate,
        )
        if not self.on_evaluation(progress, self.snapshot):
            self.control.should_training_stop = True
        self.watch.begin_anew()
        return {}

    # The Trainer's own way to take up a training decides what is left to do, and skips batches by
    # their indices alone. What it would read from pickles comes from the snapshot instead.

    @override
    def _load_from_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        pass  # the model has its weights

    @override
    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if self._saved is not None and self.optimizer is not None and self.lr_scheduler is not None:
            set_optimizer(self.optimizer, self._saved.optimizer)
            self.lr_scheduler.load_state_dict(dict(self._saved.scheduler))
            self._restored.add("optimizer")

    @override
    def _load_scaler(self, checkpoint: str | None) -> None:
        if self._saved and self._saved.scaler and self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(dict(self._saved.scaler))

    @override
    def _load_rng_state(self, checkpoint: str | None) -> None:
        if self._saved is not None:
            set_rng_states(self._saved.rng)
            self._restored.add("rng")
            self._saved.let_go()

    def let_go(self) -> None:
        """Drop the optimizer and its state, even while an error's traceback holds the loop."""
        self.accelerator.free_memory()
        self.optimizer = self.lr_scheduler = None
        self.callback_handler.optimizer = self.callback_handler.lr_scheduler = None

    @override
    def _move_model_to_device(self, model: torch.nn.Module, device: torch.device) -> None:
        """Leave it: it is there, and `to` would look at every tensor."""

    @override
    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        return 0  # counting them walks over all modules at every step
