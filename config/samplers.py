"""Samplers by name, each with its options as Optuna calls them; seeds come from general.seed."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.section import Count, Natural, Section

STARTUP = "random trials before the sampler begins"
CANDIDATES = "candidates drawn for each suggestion"


class TPE(Section):
    """Tree-structured Parzen estimator."""

    name: Literal["tpe"] = "tpe"
    n_startup_trials: Natural = Field(default=10, description=STARTUP)
    n_ei_candidates: Count = Field(default=24, description=CANDIDATES)
    multivariate: bool = Field(default=True, description="model the parameters together")
    group: bool = Field(
        default=False, description="model each group of parameters that occur together; for `when`"
    )
    constant_liar: bool = Field(
        default=True, description="keep away from what is running elsewhere"
    )

    @model_validator(mode="after")
    def _group_is_multivariate(self) -> Self:
        if self.group and not self.multivariate:
            raise ValueError("group: true needs multivariate: true; change one of them")
        return self


class CurveTPE(Section):
    """TPE that learns from pruned and running trials too, by where their curves seem to end."""

    name: Literal["curve_tpe"] = "curve_tpe"
    n_startup_trials: Natural = Field(default=10, description=STARTUP)
    n_ei_candidates: Count = Field(default=24, description=CANDIDATES)


class Random(Section):
    """Independent random draws."""

    name: Literal["random"] = "random"


class Grid(Section):
    """Every combination of a finite space once."""

    name: Literal["grid"] = "grid"


class GP(Section):
    """Gaussian process."""

    name: Literal["gp"] = "gp"
    n_startup_trials: Natural = Field(default=10, description=STARTUP)
    deterministic_objective: bool = Field(
        default=False, description="true: scores have no noise, which ROUGE's do"
    )


class CmaEs(Section):
    """Covariance matrix adaptation; categorical parameters are drawn at random."""

    name: Literal["cmaes"] = "cmaes"
    n_startup_trials: Natural = Field(default=1, description=STARTUP)
    popsize: Annotated[Count, Field(ge=2)] | None = Field(
        default=None, description="trials in a generation; null: by the number of parameters"
    )
    consider_pruned_trials: bool = Field(default=False, description="learn from pruned trials too")
    use_separable_cma: bool = Field(
        default=False, description="a diagonal covariance, for many fields"
    )
    with_margin: bool = Field(
        default=False, description="keep whole-number steps from getting stuck"
    )

    @model_validator(mode="after")
    def _one_variant(self) -> Self:
        if self.use_separable_cma and self.with_margin:
            raise ValueError("use_separable_cma and with_margin exclude each other; choose one")
        return self


class QMC(Section):
    """Quasi-Monte Carlo: draws that fill the space evenly."""

    name: Literal["qmc"] = "qmc"
    qmc_type: Literal["sobol", "halton"] = Field(default="sobol", description="the sequence")
    scramble: bool = Field(default=False, description="scramble the sequence with the seed")


class Queued(Section):
    """Draws nothing: only trials that were queued run, as `hpo confirm` queues them."""

    name: Literal["queued"] = "queued"


Sampler = Annotated[
    TPE | CurveTPE | Random | Grid | GP | CmaEs | QMC | Queued, Field(discriminator="name")
]
