"""What all sections share: frozen, unknown keys refused, and numbers as people write them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

STRICT = ConfigDict(
    frozen=True,
    extra="forbid",
    allow_inf_nan=False,
    coerce_numbers_to_str=True,  # a project named 2025, a tag that is a date
    protected_namespaces=(),
)


class Section(BaseModel):
    """Part of the configuration; never changed once made."""

    model_config = STRICT


def number(value: object) -> object:
    """Give quoted numbers ("2e-4") as numbers; refuse true and false, which Python would count."""
    if isinstance(value, bool):
        raise PydanticCustomError("number", "is not a number")
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value  # pydantic says what kind of number it wanted


Real = Annotated[float, BeforeValidator(number)]
Whole = Annotated[int, BeforeValidator(number)]
Count = Annotated[int, BeforeValidator(number), Field(ge=1)]
Natural = Annotated[int, BeforeValidator(number), Field(ge=0)]
Positive = Annotated[float, BeforeValidator(number), Field(gt=0)]
Fraction = Annotated[float, BeforeValidator(number), Field(ge=0, lt=1)]
