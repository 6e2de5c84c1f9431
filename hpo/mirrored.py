"""A trial as the mirror is told of it: what a worker says while it runs, and the database later."""

from collections.abc import Mapping
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from config.load import to_mapping
from config.schema import Configuration
from config.space import apply
from hpo import trial_record
from hpo.pinned import Pinned
from hpo.run_names import run_id, run_name
from hpo.trial_info import Ending, Point, TrialInfo, best_point, shareable
from hpo.verdict import Verdict, text

WORDS = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


@dataclass(frozen=True)
class Mirrored:
    """What W&B should hold of a trial; `ending` is None while it runs."""

    info: TrialInfo
    curve: tuple[Point, ...]
    ending: Ending | None


@dataclass(frozen=True)
class StudyName:
    """A study's name, and the key that is its own for life."""

    name: str
    key: str


def trial_info(
    study: StudyName,
    number: int,
    settings: Configuration,
    params: Mapping[str, object],
    *,
    continued: bool = False,
) -> TrialInfo:
    """A trial as it starts, from its own settings."""
    return TrialInfo(
        study=study.name,
        number=number,
        run_id=run_id(study.name, study.key, number),
        name=run_name(settings),
        settings=shareable(to_mapping(settings)),
        params=dict(params),
        metric=settings.metric.name,
        continued=continued,
    )


def mirrored(study: str, pinned: Pinned, trial: FrozenTrial) -> Mirrored:
    """What W&B should hold of a trial, from the database.

    A trial whose parameters were refused has the study's settings: it had none of its own.
    """
    try:
        settings = apply(pinned.config, trial.params)
    except Exception:  # noqa: BLE001 - whatever refused them then refuses them again
        settings = pinned.config
    info = trial_info(StudyName(study, pinned.key), trial.number, settings, trial.params)
    if pinned.own.is_brought(trial):
        return Mirrored(info, (), _brought(trial))
    curve = tuple(trial_record.curve(trial))
    return Mirrored(info, curve, _ending(trial, curve, settings))


def ended_elsewhere(trial: FrozenTrial) -> Ending:
    """How a trial ended that another program, such as optuna-dashboard, has set to its state.

    A value that it told stands among the words alone: as a figure it would lead W&B's tables.
    """
    reason = f"trial {trial.number} was set to {trial.state.name} by another program"
    return Ending(WORDS[trial.state], reason=f"{reason}{_value(trial)}")


def _brought(trial: FrozenTrial) -> Ending | None:
    """The same of a trial that was brought from another study: other data, other settings."""
    if not trial.state.is_finished():
        return None
    reason = f"trial {trial.number} was trained in another study{_value(trial)}"
    return Ending(WORDS[trial.state], reason=reason)


def _value(trial: FrozenTrial) -> str:
    return f", with {trial.values[0]:.4f}" if trial_record.has_value(trial) else ""


def _ending(trial: FrozenTrial, curve: tuple[Point, ...], settings: Configuration) -> Ending | None:
    attrs = trial.user_attrs
    if not trial.state.is_finished():
        return None
    if trial.state is TrialState.PRUNED and trial_record.is_infeasible(trial):
        return Ending("infeasible", reason=attrs.get(trial_record.INFEASIBLE))
    if trial.state is TrialState.FAIL and trial_record.ERROR in attrs:
        return Ending("failed", reason=attrs[trial_record.ERROR])
    if trial.state is TrialState.FAIL or trial_record.SECONDS not in attrs:
        return ended_elsewhere(trial)
    seconds = attrs[trial_record.SECONDS]
    if trial.state is TrialState.COMPLETE:
        return Ending("complete", trial.value, None, seconds)
    best = best_point(curve, settings.metric.name)
    value = None if best is None else best[settings.metric.name]
    return Ending("pruned", value, _pruned(attrs, settings), seconds)


def _pruned(attrs: Mapping[str, object], settings: Configuration) -> str | None:
    kept = attrs.get(trial_record.PRUNED)
    if not isinstance(kept, Mapping):
        return None
    verdict = Verdict.from_mapping(kept)
    return text(verdict, evaluations_per_epoch=settings.training.evaluations_per_epoch)
