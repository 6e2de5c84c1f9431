"""Names and ids of trials' W&B runs: names after the teams' rule, ids from what never changes.

A name tells people what was tried and may occur twice; an id belongs to one trial for ever, so a
trial that another worker continues, or that is mirrored again later, is the same run.
"""

import hashlib
import re

from config.schema import Configuration

# Parts of a checkpoint's name that say how large or how old it is, not what it is.
SIZE_OR_VERSION = re.compile(r"base|small|large|tiny|mini|medium|xl|xxl|v?\d+(\.\d+)*[mb]?")
LR_DIGITS = 2
STUDY_CHARACTERS = 24


def run_name(config: Configuration) -> str:
    """The trial's name: kobart_lr3e-5_bs16_ep20 (learning rate to two digits)."""
    training = config.training
    return (
        f"{short_model_name(config.model.name)}_lr{short_number(training.learning_rate)}"
        f"_bs{training.per_device_train_batch_size}_ep{training.num_train_epochs}"
    )


def run_id(study: str, study_key: str, number: int) -> str:
    """The W&B id of a trial: ASCII, at most 64 characters, the same on every worker.

    `study_key` is something that the study keeps for life and no other study shares, so that two
    databases with a study of one name don't write into each other's runs.
    """
    digest = study_digest(study, study_key)
    readable = re.sub(r"[^a-z0-9]+", "-", study.lower()).strip("-")[:STUDY_CHARACTERS]
    return "-".join(part for part in (readable.rstrip("-"), digest, f"t{number}") if part)


def study_digest(study: str, study_key: str) -> str:
    """Ten hex digits that no study of another database has, of the same name neither."""
    return hashlib.sha256(f"{study_key}\0{study}".encode()).hexdigest()[:10]


def short_model_name(name: str) -> str:
    """What a hub id or folder is called for short: gogamza/kobart-base-v2 is kobart."""
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    if last.startswith("sample:"):
        return "sample"
    parts = [part for part in re.split(r"[^\w.]+|_", last.lower()) if part.strip(".")]
    while len(parts) > 1 and SIZE_OR_VERSION.fullmatch(parts[-1]):
        parts.pop()
    return "-".join(parts) or "model"


def short_number(value: float) -> str:
    """A learning rate as people write it, to two digits: 3e-5, 2.3e-5."""
    mantissa, exponent = f"{value:.{LR_DIGITS - 1}e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
