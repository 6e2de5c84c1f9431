"""A sweep's parameter by its name: which field of ours it sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from config.aliases import HALF_PRECISION
from config.errors import ConfigError
from config.fields import NOT_HERE, OTHER_NAMES, Leaf, elsewhere, find_leaf, members
from config.schema import Configuration
from config.space_check import SECTIONS

# Other names of the same thing; what is only close to it (warmup_steps) stays a question.
SYNONYMS = {
    "lr": "training.learning_rate",
    "batch_size": "training.per_device_train_batch_size",
    "train_batch_size": "training.per_device_train_batch_size",
    "per_gpu_train_batch_size": "training.per_device_train_batch_size",
    "epochs": "training.num_train_epochs",
    "num_epochs": "training.num_train_epochs",
    "wd": "training.weight_decay",
    "label_smoothing_factor": "training.label_smoothing",
    "lr_scheduler": "training.lr_scheduler_type",
    "gradient_accumulation": "training.gradient_accumulation_steps",
    "model_name": "model.name",
    "beam_size": "generation.num_beams",
    "generation_num_beams": "generation.num_beams",
    "seed": "general.seed",
}


@dataclass(frozen=True)
class Named:
    """The field that a parameter sets.

    renamed: the sweep calls it otherwise.
    values: the parameter's values -> the field's, where they differ.
    """

    leaf: Leaf
    renamed: bool = False
    values: Mapping[object, object] = field(default_factory=dict)

    def value(self, value: object) -> object:
        """Give a value of the sweep as the field's."""
        return self.values.get(value, value) if isinstance(value, bool) else value


def find(name: str) -> Named:
    """Find the field for a parameter's dotted name; raises ConfigError with the nearest one."""
    last = name.rsplit(".", maxsplit=1)[-1]
    if last in HALF_PRECISION and name in (last, f"training.{last}"):
        leaf = find_leaf(Configuration, "training.precision")
        return Named(leaf, renamed=True, values={True: last, False: "fp32"})
    if "." in name:
        try:
            return Named(find_leaf(Configuration, name))
        except ConfigError as error:
            synonym = SYNONYMS.get(last, "")
            if synonym.startswith(name.removesuffix(last)):
                return Named(find_leaf(Configuration, synonym), renamed=True)
            raise ConfigError(_hint(last)) from error
    if name in SYNONYMS:
        return Named(find_leaf(Configuration, SYNONYMS[name]), renamed=True)
    section = elsewhere(name, Configuration)
    if section is None:
        raise ConfigError(_hint(name))
    return Named(find_leaf(Configuration, f"{section}.{name}"))


def _hint(name: str) -> str:
    """Say which field was probably meant."""
    fields = {key: f"{section}.{key}" for section in SECTIONS for key in _keys(section)}
    other = SYNONYMS.get(name) or fields.get(OTHER_NAMES.get(name, name))
    near = get_close_matches(name, fields, n=1, cutoff=0.6)
    if other is None and near:
        other = fields[near[0]]
    hint = f"did you mean {other}?" if other else NOT_HERE.get(name, NOWHERE)
    return f"hpo has no such field; {hint}"


NOWHERE = "leave it out, or see the fields that there are: hpo config show kobart"


def _keys(section: str) -> list[str]:
    annotation = Configuration.model_fields[section].annotation
    return list(members(annotation) or {})
