"""The Trainer's arguments of a training: what is configured, and silence."""

import math
from pathlib import Path

from transformers import Seq2SeqTrainingArguments

from config.schema import Configuration
from trainer.device import Precision
from trainer.plan import Plan


def arguments_of(
    config: Configuration, *, plan: Plan, precision: Precision, cpu: bool, output_dir: Path
) -> Seq2SeqTrainingArguments:
    """Return the Trainer's arguments: the configured ones, and silence."""
    training = config.training
    arguments = Seq2SeqTrainingArguments(
        output_dir=str(output_dir),
        learning_rate=training.learning_rate,
        per_device_train_batch_size=training.per_device_train_batch_size,
        num_train_epochs=training.num_train_epochs,
        # in steps of the plan: the Trainer would round a ratio by a count of its own
        warmup_steps=math.ceil(training.warmup_ratio * plan.total_steps),
        weight_decay=training.weight_decay,
        gradient_accumulation_steps=training.gradient_accumulation_steps,
        lr_scheduler_type=training.lr_scheduler_type,
        # its default end, 1e-7, may lie above the configured rate
        lr_scheduler_kwargs={"lr_end": 0.0} if training.lr_scheduler_type == "polynomial" else None,
        max_grad_norm=training.max_grad_norm,
        optim="adamw_torch_fused",
        bf16=precision.name == "bf16" and not cpu,  # there the loss sees to it
        fp16=precision.name == "fp16",
        use_cpu=cpu,
        seed=config.general.seed,
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        remove_unused_columns=False,
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # noqa: SLF001  # one worker, one card: never DataParallel
    return arguments
