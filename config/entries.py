"""Entries of the search space: the values that one field may take, and when it varies at all."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from config.section import Count, Positive, Real, Section, Whole

Choice = bool | int | float | str | None
Condition = Mapping[str, tuple[Choice, ...]]


def _lists(value: object) -> object:
    """Read `{field: value}` as `{field: [value]}`, and null as no condition."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        return value
    return {
        field: tuple(one) if isinstance(one, list | tuple) else (one,)
        for field, one in value.items()
    }


When = Annotated[Condition, BeforeValidator(_lists)]
WHEN = "varies only when the named field has one of these values; several fields: all of them"


def _check_range(
    low: float, high: float, *, step: float | None, log: bool, step_given: bool
) -> None:
    if low > high:
        raise ValueError(f"low {low!r} is above high {high!r}; swap them")
    if log and step_given:
        raise ValueError("log and step exclude each other; leave one out")
    if log and low <= 0:
        raise ValueError(f"low {low!r} with log: true; a logarithm needs low above 0")
    if step is not None and (_exact(high) - _exact(low)) % _exact(step) != 0:
        last = _exact(low) + (_exact(high) - _exact(low)) // _exact(step) * _exact(step)
        raise ValueError(f"step {step!r} does not lead from {low!r} to {high!r}; end at {last}")


def _exact(value: float) -> Decimal:
    """Give the decimal number that was written, so that 0.2 is four steps of 0.05."""
    return Decimal(str(value))


class FloatEntry(Section):
    """A range of numbers."""

    type: Literal["float"] = "float"
    low: Real = Field(description="smallest value")
    high: Real = Field(description="largest value")
    log: bool = Field(default=False, description="draw evenly over orders of magnitude")
    step: Positive | None = Field(
        default=None, description="distance of the values; null: any value"
    )
    when: When = Field(default_factory=dict, description=WHEN)

    @model_validator(mode="after")
    def _range(self) -> Self:
        given = self.step is not None
        _check_range(self.low, self.high, step=self.step, log=self.log, step_given=given)
        return self

    def contains(self, value: object) -> bool:
        """Tell whether the entry can take this value."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not self.low <= value <= self.high:
            return False
        return self.step is None or (_exact(value) - _exact(self.low)) % _exact(self.step) == 0

    @property
    def size(self) -> int | None:
        """How many values there are; None when they cannot be counted."""
        if self.low == self.high:
            return 1
        if self.step is None:
            return None
        return int((_exact(self.high) - _exact(self.low)) / _exact(self.step)) + 1


class IntEntry(Section):
    """A range of whole numbers."""

    type: Literal["int"] = "int"
    low: Whole = Field(description="smallest value")
    high: Whole = Field(description="largest value")
    log: bool = Field(default=False, description="draw evenly over orders of magnitude")
    step: Count = Field(default=1, description="distance of the values")
    when: When = Field(default_factory=dict, description=WHEN)

    @model_validator(mode="after")
    def _range(self) -> Self:
        _check_range(self.low, self.high, step=self.step, log=self.log, step_given=self.step != 1)
        return self

    def contains(self, value: object) -> bool:
        """Tell whether the entry can take this value."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.low <= value <= self.high and (value - self.low) % self.step == 0

    @property
    def size(self) -> int:
        """How many values there are."""
        return (self.high - self.low) // self.step + 1


class CategoricalEntry(Section):
    """A list of values."""

    type: Literal["categorical"] = "categorical"
    choices: tuple[Choice, ...] = Field(min_length=1, description="the values")
    when: When = Field(default_factory=dict, description=WHEN)

    @field_validator("choices", mode="after")
    @classmethod
    def _different(cls, choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
        for position, choice in enumerate(choices):
            if choice in choices[:position]:
                raise ValueError(f"{choice!r} is given twice; write it once")
        return choices

    def contains(self, value: object) -> bool:
        """Tell whether the entry can take this value."""
        return any(choice == value for choice in self.choices)

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.choices)


Entry = FloatEntry | IntEntry | CategoricalEntry
SearchSpace = Mapping[str, Entry]
