"""Find a field of the schema by its dotted path, and the keys that are valid around it."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from typing_extensions import get_type_hints, is_typeddict

from config.errors import ConfigError

# What people write by other tools' names, where spelling alone finds nothing or the wrong field.
OTHER_NAMES = {
    "lr": "learning_rate",
    "batch_size": "per_device_train_batch_size",
    "train_batch_size": "per_device_train_batch_size",
    "eval_batch_size": "per_device_eval_batch_size",
    "epochs": "num_train_epochs",
    "num_epochs": "num_train_epochs",
    "warmup_steps": "warmup_ratio",
    "label_smoothing_factor": "label_smoothing",
    "activation_checkpointing": "gradient_checkpointing",
    "scheduler": "lr_scheduler_type",
    "llrd": "layerwise_lr_decay",
    "rdrop": "rdrop_alpha",
    "beams": "num_beams",
    "max_length": "max_new_tokens",
    "generation_max_length": "max_new_tokens",
    "min": "low",
    "max": "high",
    "values": "choices",
    "distribution": "type",
}
# Keys that have no counterpart, with the reason.
NOT_HERE = {
    "max_resource": "it is always the most evaluations that a trial can reach",
    "api_key": "secrets come from the environment alone; set WANDB_API_KEY",
    "seed": "general.seed gives every seed",
    "storage": "the database is given by --storage or HPO_STORAGE",
}


@dataclass(frozen=True)
class Leaf:
    """A field that holds one value.

    kinds: the types of its values, of bool, int, float and str.
    """

    path: str
    annotation: Any
    kinds: frozenset[type]

    def coerced(self, value: object) -> object:
        """Give the value as the field would hold it; unchanged where the field refuses it."""
        try:
            return self._adapter.validate_python(value)
        except ValueError:
            return value

    @cached_property
    def _adapter(self) -> TypeAdapter[object]:
        return TypeAdapter[object](self.annotation)  # takes 70 times as long as its use


def alternatives(annotation: object) -> list[Any]:
    """Give the concrete types of an annotation, without Annotated, unions and None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return alternatives(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [kind for part in get_args(annotation) for kind in alternatives(part)]
    return [] if annotation is type(None) else [annotation]


def members(kind: Any) -> dict[str, object] | None:
    """Give the keys of a section with their annotations; None for anything else."""
    if is_typeddict(kind):
        return dict(get_type_hints(kind, include_extras=True))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {
            name: Annotated[field.annotation, *field.metadata]
            if field.metadata
            else field.annotation
            for name, field in kind.model_fields.items()
        }
    return None


def items(kind: Any) -> list[Any]:
    """Give the types of a mapping's values or a tuple's items; none for anything else."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        return alternatives(arguments[0])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return alternatives(arguments[1])
    return []


def nearest(key: str, valid: list[str]) -> str:
    """Say which valid key was probably meant, or which there are."""
    if key in NOT_HERE:
        return NOT_HERE[key]
    other = OTHER_NAMES.get(key)
    close = [other] if other in valid else get_close_matches(key, valid, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]}?"
    return f"valid here: {', '.join(valid)}" if valid else "nothing can be set here"


def elsewhere(key: str, root: type[BaseModel]) -> str | None:
    """Name the section that has this key; None where no section or more than one has it."""
    sections = members(root) or {}
    having = [
        name
        for name, annotation in sections.items()
        if any(key in (members(kind) or {}) for kind in alternatives(annotation))
    ]
    return having[0] if len(having) == 1 else None


@cache  # a check of a search space looks for the same few fields hundreds of times
def find_leaf(root: type[BaseModel], path: str) -> Leaf:
    """Find the field that holds one value; ConfigError with the nearest name if there is none."""
    here: list[Any] = [root]
    parts = path.split(".")
    for depth, part in enumerate(parts):
        fields = {key: kind for one in here for key, kind in (members(one) or {}).items()}
        if part not in fields:
            where = ".".join(parts[: depth + 1])
            home = elsewhere(part, root) if where == path and part not in NOT_HERE else None
            hint = f"did you mean {home}.{part}?" if home else nearest(part, list(fields))
            raise ConfigError(f"unknown field {where}; {hint}")
        annotation = fields[part]
        here = alternatives(annotation)
    kinds = frozenset(_kind(one) for one in here)
    if not here or None in kinds:
        inside = [key for one in here for key in (members(one) or {})]
        hint = f"name one of its fields: {', '.join(inside)}" if inside else "choose another"
        raise ConfigError(f"{path} is not a field with a single value; {hint}")
    return Leaf(path, annotation, frozenset(kind for kind in kinds if kind is not None))


def _kind(annotation: object) -> type | None:
    if get_origin(annotation) is Literal:
        return type(get_args(annotation)[0])
    return annotation if annotation in (bool, int, float, str) else None
