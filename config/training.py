"""The training section; names are those of the transformers Trainer where it has them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.section import Count, Fraction, Real, Section

BatchSize = Annotated[Count, Field(le=65_536)]


class Training(Section):
    """How the model is fine-tuned."""

    learning_rate: Annotated[Real, Field(gt=0, le=1)] = Field(
        default=5e-5, description="highest learning rate, reached after the warm-up"
    )
    per_device_train_batch_size: BatchSize = Field(
        default=16, description="dialogues a device takes at once in training"
    )
    per_device_eval_batch_size: BatchSize = Field(
        default=32,
        description="dialogues a device takes at once in evaluation; changes only the speed",
    )
    num_train_epochs: Annotated[Count, Field(le=10_000)] = Field(
        default=20, description="passes over the training data"
    )
    warmup_ratio: Fraction = Field(
        default=0.1, description="share of the steps in which the learning rate rises; below 1"
    )
    weight_decay: Annotated[Real, Field(ge=0, le=10)] = Field(
        default=0.01, description="decoupled weight decay of AdamW"
    )
    gradient_accumulation_steps: Annotated[Count, Field(le=65_536)] = Field(
        default=1, description="batches whose gradients make one optimizer step"
    )
    label_smoothing: Fraction = Field(
        default=0.0,
        description="share of the label's probability spread over the vocabulary; below 1",
    )
    rdrop_alpha: Annotated[Real, Field(ge=0, le=100)] = Field(
        default=0.0,
        description="weight of R-Drop's penalty: each batch goes through the model twice, under "
        "different dropout, and the two predictions are drawn together; 0: off",
    )
    layerwise_lr_decay: Annotated[Real, Field(gt=0, le=1)] = Field(
        default=1.0,
        description="factor on the learning rate from each layer to the one below it, in encoder "
        "and decoder alike; embeddings have the lowest; 1: off",
    )
    lr_scheduler_type: Literal[
        "linear",
        "cosine",
        "cosine_with_restarts",
        "polynomial",
        "constant",
        "constant_with_warmup",
        "inverse_sqrt",
    ] = Field(default="linear", description="course of the learning rate after the warm-up")
    max_grad_norm: Annotated[Real, Field(ge=0, le=1e6)] = Field(
        default=1.0, description="gradients longer than this are scaled down to it; 0: never"
    )
    precision: Literal["auto", "bf16", "fp16", "fp32"] = Field(
        default="auto",
        description="auto: bf16 from Ampere on and on a CPU with AMX, fp16 on older GPUs, else "
        "fp32; `fp16: true` and `bf16: true` are read too",
    )
    gradient_checkpointing: bool = Field(
        default=False, description="compute activations twice to save memory"
    )
    micro_batches: dict[Count, BatchSize] | None = Field(
        default=None,
        description="how many dialogues of a batch go through the model at once, by the optimizer "
        "step from which on they do; dropout depends on it, so an export has it where memory ran "
        "out; null: as many as fit",
    )
    early_stopping_patience: Annotated[Count, Field(le=10_000)] | None = Field(
        default=None, description="stop after this many evaluations without a new best; null: never"
    )
    save_total_limit: Annotated[Count, Field(le=1000)] = Field(
        default=1, description="checkpoints kept, the best one among them"
    )
    evaluations_per_epoch: Annotated[Count, Field(le=100)] = Field(
        default=1, description="evaluations in each epoch; steps of pruners count evaluations"
    )
