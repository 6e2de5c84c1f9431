"""The whole configuration: frozen models, unknown keys refused, each field says its unit.

`Configuration()` is complete: what is left out has the default that its field gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator
from pydantic_core import PydanticCustomError

from config.aliases import plain_spelling
from config.architecture import misfit
from config.augmentation import Augmentation
from config.entries import Entry
from config.entry_types import with_types
from config.pruners import Extrapolation, Pruner
from config.samplers import TPE, Sampler
from config.section import Count, Positive, Real, Section
from config.sections import DataFiles, General, Generation, Metric, Model, Preprocessing, Wandb
from config.training import Training

__all__ = [
    "Augmentation",
    "Configuration",
    "DataFiles",
    "General",
    "Generation",
    "Metric",
    "Model",
    "Optuna",
    "Preprocessing",
    "Stop",
    "Training",
    "Wandb",
]


class Stop(Section):
    """When a search has found what it will find: no gain for many trials, or what was wanted."""

    patience: Annotated[Count, Field(le=10_000_000)] | None = Field(
        default=None,
        description="finished trials in a row without improvement after which no new one begins; "
        "null: any number",
    )
    min_improvement: Annotated[Real, Field(ge=0, le=1)] = Field(
        default=0.003,
        description="a gain of the best value up to this counts as noise, in units of the metric",
    )
    target: Annotated[Real, Field(gt=0, le=1)] | None = Field(
        default=None,
        description="best value from which on no new trial begins, in units of the metric; "
        "null: none",
    )

    @model_validator(mode="after")
    def _ends_somehow(self) -> Self:
        if self.patience is None and self.target is None:
            raise ValueError("neither patience nor target is given; write one, or stop: null")
        return self


class Optuna(Section):
    """The search: how many trials, where, and which of them are stopped early."""

    n_trials: Annotated[Count, Field(le=10_000_000)] = Field(
        default=20, description="trials in the whole study, over all workers"
    )
    direction: Literal["maximize"] = Field(
        default="maximize", description="always maximize: every metric is a ROUGE F1"
    )
    sampler: Sampler = Field(
        default_factory=TPE,
        description="tpe, curve_tpe, random, grid, gp, cmaes, qmc or queued, with options as "
        "Optuna calls them",
    )
    pruner: Pruner = Field(
        default_factory=Extrapolation,
        description="extrapolation, median, hyperband, median+hyperband, successive_halving, "
        "percentile, patient or none, with options as Optuna calls them; steps count evaluations",
    )
    search_space: Mapping[str, Annotated[Entry, Field(discriminator="type")]] = Field(
        default_factory=dict, description="dotted field: the values it may take"
    )
    timeout: Positive | None = Field(
        default=None,
        description="seconds from the study's first trial on after which no new one begins; "
        "null: no limit",
    )
    stop: Stop | None = Field(
        default=None, description="early end of the search; null: the whole budget is used"
    )
    max_attempts: Annotated[Count, Field(le=1000)] = Field(
        default=3, description="workers that a trial may kill before it is failed"
    )

    @field_validator("direction", mode="before")
    @classmethod
    def _more_is_better(cls, value: object) -> object:
        if value == "minimize":
            raise PydanticCustomError(
                "direction",
                "minimize would look for the worst model: every metric is a ROUGE F1, where more "
                "is better; write maximize or leave it out",
            )
        return value


class Configuration(Section):
    """Everything that can be set, in the sections of the teams' files."""

    general: General = Field(default_factory=General)
    model: Model = Field(default_factory=Model)
    preprocessing: Preprocessing = Field(default_factory=Preprocessing)
    augmentation: Augmentation = Field(default_factory=Augmentation)
    training: Training = Field(default_factory=Training)
    generation: Generation = Field(default_factory=Generation)
    metric: Metric = Field(default_factory=Metric)
    optuna: Optuna = Field(default_factory=Optuna)
    wandb: Wandb = Field(default_factory=Wandb)
    provenance: Mapping[str, JsonValue] | None = Field(
        default=None, description="where an exported configuration comes from; changes nothing"
    )

    @model_validator(mode="before")
    @classmethod
    def _as_people_write(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return with_types(plain_spelling(value), root=cls)

    @model_validator(mode="after")
    def _architecture_fits(self) -> Self:
        architecture = self.model.architecture
        if not architecture:
            return self
        if self.model.init != "random":
            raise ValueError(
                "model.architecture: other sizes cannot take pretrained weights; "
                "write model.init: random or leave architecture out"
            )
        longest = max(
            self.model.max_encoder_length,
            self.model.max_decoder_length,
            self.generation.max_new_tokens + 1,  # the start token
        )
        if reason := misfit(architecture, longest=longest):
            raise ValueError(reason)
        return self
