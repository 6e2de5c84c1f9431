"""Pruners by name, each with its options as Optuna calls them; extrapolation is our own.

Steps and resources count evaluations.  Warm-up is on by default, unlike in Optuna: its defaults
lost the best configuration in half of the searches simulated on recorded learning curves.
Hyperband's max_resource is no option: it is the most evaluations that a trial can reach.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from config.section import Count, Natural, Real, Section


class _Named(Section):
    name: str  # comes first in every dump


class _Percentile(_Named):
    n_startup_trials: Natural = Field(default=5, description="finished trials before any is pruned")
    n_warmup_steps: Natural = Field(
        default=5, description="no trial is pruned before this evaluation"
    )
    interval_steps: Count = Field(default=1, description="evaluations between two decisions")
    n_min_trials: Count = Field(
        default=1, description="trials that must have reported the same step"
    )


class _Hyperband(_Named):
    min_resource: Count = Field(default=5, description="evaluation of the first decision")
    reduction_factor: Annotated[Count, Field(ge=2)] = Field(
        default=3, description="one trial in this many goes on at each decision"
    )
    bootstrap_count: Natural = Field(
        default=0, description="trials that must reach a rung before any passes it"
    )


class Median(_Percentile):
    """Stops a trial whose best so far is below the others' median at the same step."""

    name: Literal["median"] = "median"


class Percentile(_Percentile):
    """As median, with another share of the trials kept."""

    name: Literal["percentile"] = "percentile"
    percentile: Annotated[Real, Field(ge=0, le=100)] = Field(
        default=50.0, description="percent of the trials that go on"
    )


class Hyperband(_Hyperband):
    """Successive halving in several brackets."""

    name: Literal["hyperband"] = "hyperband"


class MedianHyperband(_Hyperband, _Percentile):
    """Stops a trial when either median or hyperband says so."""

    name: Literal["median+hyperband"] = "median+hyperband"


class SuccessiveHalving(_Hyperband):
    """Successive halving (ASHA) in one bracket."""

    name: Literal["successive_halving"] = "successive_halving"
    min_early_stopping_rate: Natural = Field(
        default=0, description="halvings skipped at the start of a trial"
    )


class Extrapolation(_Named):
    """Stops a trial whose curve, extrapolated with the benefit of the doubt, misses the best."""

    name: Literal["extrapolation"] = "extrapolation"
    n_warmup_steps: Natural = Field(
        default=3, description="no trial is pruned before this evaluation"
    )
    standard_errors: Annotated[Real, Field(ge=0, le=10)] = Field(
        default=2.0,
        description="benefit of the doubt in a curve's extrapolation; more stops fewer trials",
    )


class NoPruner(_Named):
    """Never stops a trial."""

    name: Literal["none"] = "none"


WrappedPruner = Annotated[
    Extrapolation | Median | Percentile | Hyperband | SuccessiveHalving | NoPruner,
    Field(discriminator="name"),
]


class Patient(_Named):
    """Stops a trial without progress, and only when the wrapped pruner agrees."""

    name: Literal["patient"] = "patient"
    patience: Natural = Field(default=2, description="evaluations without a gain that are forgiven")
    min_delta: Annotated[Real, Field(ge=0, le=1)] = Field(
        default=0.0, description="gain, in ROUGE from 0 to 1, that counts as one"
    )
    wrapped_pruner: WrappedPruner | None = Field(
        default=None, description="pruner that must agree; null: patience alone decides"
    )


Pruner = Annotated[
    Extrapolation
    | Median
    | Percentile
    | Hyperband
    | MedianHyperband
    | SuccessiveHalving
    | Patient
    | NoPruner,
    Field(discriminator="name"),
]


def in_words(pruner: Pruner) -> str:
    """Give the pruner as a line on a search names it."""
    return "no pruner" if pruner.name == "none" else f"{pruner.name} pruner"
