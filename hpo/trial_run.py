"""A trial under way: what happens at each step, at each evaluation, and at its end.

A worker that lost its trial writes nothing: what it writes to the study's database is fenced there,
and before anything else is written the lease is confirmed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from config.schema import Configuration
from hpo import trial_record
from hpo.chores import Chores
from hpo.infeasible import end_infeasible, withdraw
from hpo.lease_keeper import LeaseKeeper
from hpo.mirrored import StudyName, ended_elsewhere, trial_info
from hpo.notes import save_note
from hpo.notifications.notifier import Notifier
from hpo.own_trials import OwnTrials
from hpo.parent import Parent
from hpo.progress import Progress
from hpo.prune_reasons import decide
from hpo.stop import Stopped, StopRequest
from hpo.telling import tell
from hpo.trial_info import Ending, Point, TrialInfo
from hpo.turnover import Turnover
from hpo.verdict import Verdict, text
from hpo.wandb_mirror import Mirror
from storage.connect import Database
from trainer.errors import Infeasible
from trainer.evaluation import Evaluation, FitResult, Sample, Step


@dataclass(frozen=True)
class Outcome:
    """How a trial ended; `error` is None unless it failed by itself.

    `elsewhere`: another program ended it, so its lease is still open.
    """

    state: TrialState
    error: str | None = None
    elsewhere: bool = False


@dataclass(frozen=True)
class Surroundings:
    """What a trial writes to and listens to beside its training; outlives the trial.

    `study_key` is the study's own for life; W&B run ids are made from it, and trials say it.
    `folder` is what the study's folder is called under every root.
    """

    study: Study
    study_key: str
    folder: str
    database: Database
    mirror: Mirror
    progress: Progress
    stop: StopRequest
    parent: Parent = field(default_factory=Parent)
    turnover: Turnover = field(default_factory=Turnover)
    chores: Chores = field(default_factory=Chores)
    notifier: Notifier = field(default_factory=Notifier)

    @property
    def own(self) -> OwnTrials:
        """What tells the study's own trials from others."""
        return OwnTrials(self.study_key)


class TrialRun:
    """One attempt at a trial, with the callbacks that `fit` is given."""

    def __init__(self, around: Surroundings, trial: Trial, keeper: LeaseKeeper) -> None:
        self._around = around
        self._trial = trial
        self._keeper = keeper
        self._id = trial._trial_id  # noqa: SLF001 - Optuna has no public way to it
        self._stands(trial._cached_frozen_trial)  # noqa: SLF001 - read a moment ago
        self._samples: tuple[Sample, ...] = ()
        self._verdict: Verdict | None = None
        self._to_announce: Mapping[str, object] | None = None
        self._to_mirror: tuple[TrialInfo, Sequence[Point]] | None = None
        self._settings: Configuration | None = None

    def again(self) -> None:
        """Start over in this process: what was reported is not reported once more."""
        self._stands(self._frozen())

    def _stands(self, trial: FrozenTrial) -> None:
        self._before = trial
        self._reported = dict(trial.intermediate_values)
        self._last_reported = max(self._reported, default=0)
        self._curve: list[dict[str, float]] = []

    def begin(
        self, settings: Configuration, params: Mapping[str, object], *, continued: bool
    ) -> None:
        """Announce the trial to the terminal and to W&B."""
        self._metric = settings.metric.name
        self._epochs = settings.training.num_train_epochs
        self._per_epoch = settings.training.evaluations_per_epoch
        self._last_step = self._epochs * self._per_epoch
        study = StudyName(self._around.study.study_name, self._around.study_key)
        number = self._trial.number
        self._settings = settings
        if continued:
            self._to_announce = params  # once it is known from where
        else:
            self._around.progress.started(number, params)
        self._to_mirror = (
            trial_info(study, number, settings, params, continued=continued),
            trial_record.curve(self._before),
        )

    def on_step(self, step: Step) -> None:
        """After an optimizer step: leave when asked to stop or when the lease is lost."""
        self._announce(step.epoch * (step.step - 1) / step.step)
        self.on_poll()
        self._mirror()
        self._around.progress.stepped(step.step, step.total_steps, step.loss)

    def on_poll(self) -> None:
        """Leave when asked to stop or when the lease is lost."""
        if self._around.stop.is_set():
            raise Stopped
        self._keeper.check()

    def before_write(self) -> None:
        """Make sure that the trial is still ours before anything of it is written to disk."""
        self._keeper.confirm()

    def on_evaluation(self, evaluation: Evaluation) -> bool:
        """Report, decide, mirror; False ends the training because a rule pruned the trial.

        A step that was reported before is not reported again, whether it comes from a checkpoint or
        was trained anew. About the last of them the pruner is asked again: nobody may have acted
        on its answer.
        """
        self._keeper.check()
        new = evaluation.step not in self._reported
        value = evaluation.scores.value(self._metric)
        if evaluation.is_best:
            self._samples = evaluation.samples
        self._curve.append(evaluation.as_mapping())
        if new or not evaluation.replayed:
            self._announce(evaluation.epoch)  # before anything of it is shown or reported
        if not evaluation.replayed:
            self._around.progress.evaluated(
                evaluation.epoch, self._epochs, value, evaluation.train_loss
            )
        if new:
            self._report(evaluation, value)
        if evaluation.step >= self._last_reported:
            self._decide(evaluation, again=not new)
        return self._verdict is None

    def _report(self, evaluation: Evaluation, value: float) -> None:
        storage = self._around.database.storage
        with storage.together(self._id):
            trial_record.keep_curve(storage, self._id, self._curve)
            self._trial.report(value, evaluation.step)
        if evaluation.replayed:
            self._around.progress.made_up(evaluation.epoch, value)
        self._around.parent.evaluated()
        self._mirror().evaluation(self._curve[-1])

    def _decide(self, evaluation: Evaluation, *, again: bool) -> None:
        verdict = decide(self._around.study, self._trial, again=again)
        # After the last evaluation the trial is complete: stopping would save nothing.
        if evaluation.step < self._last_step:
            self._verdict = verdict

    def _epoch(self) -> float:
        """How far the evaluations go."""
        return self._curve[-1]["epoch"] if self._curve else 0.0

    def _announce(self, epoch: float) -> None:
        """Say from where a continued trial goes on, once."""
        if self._to_announce is not None:
            number = self._trial.number
            self._around.progress.continued(number, self._to_announce, epoch=epoch)
            self._to_announce = None

    def ended(self, result: FitResult) -> Outcome:
        """Tell the study how the training ended: COMPLETE with its best evaluation, or PRUNED."""
        self._keeper.check()
        if trial_record.is_infeasible(self._before):
            withdraw(self._trial)
        self._announce(self._epoch())
        value, seconds = result.best.scores.value(self._metric), round(result.seconds, 3)
        study, progress = self._around.study, self._around.progress
        with self._around.database.storage.together(self._id):
            trial_record.record_result(self._trial, result)
            self._trial.set_user_attr(trial_record.WANDB, self._around.mirror.mode)
            if self._verdict is None:
                tell(study, self._trial, value)
            else:
                self._trial.set_user_attr(trial_record.PRUNED, self._verdict.as_mapping())
                tell(study, self._trial, state=TrialState.PRUNED)
        if self._verdict is not None:
            reason = text(self._verdict, evaluations_per_epoch=self._per_epoch)
            progress.pruned(reason)
            return self._close(Ending("pruned", value, reason, seconds), TrialState.PRUNED)
        early = result.ended == "early_stopping"
        progress.completed(value, result.best.epoch, early=early)
        return self._close(Ending("complete", value, None, seconds), TrialState.COMPLETE)

    def infeasible(self, error: Infeasible) -> Outcome:
        """Tell the study that these settings cannot be trained, so that it learns from it."""
        self._keeper.confirm()
        self._announce(self._epoch())
        reason = end_infeasible(self._around.study, self._trial, error)
        self._around.progress.infeasible(reason)
        return self._close(Ending("infeasible", reason=reason), TrialState.PRUNED)

    def failed(self, error: Exception) -> Outcome:
        """Tell the study that the trial failed, and with what."""
        self._keeper.confirm()
        self._announce(self._epoch())
        message = fail(self._around, self._id, error)
        return self._close(Ending("failed", reason=message), TrialState.FAIL, error=message)

    def ended_elsewhere(self) -> Outcome:
        """Take note that another program, such as optuna-dashboard, has ended the trial.

        Raises LeaseLost where it was the worker that has the trial now.
        """
        self._keeper.confirm()
        trial = self._frozen()
        ending = ended_elsewhere(trial)
        self._around.progress.failed(trial.number, str(ending.reason))
        self._mirror().finish(ending)
        return Outcome(trial.state, elsewhere=True)

    def left(self) -> None:
        """Leave the trial as it stands, for whoever continues it."""
        self._around.mirror.release()

    def _close(self, ending: Ending, state: TrialState, *, error: str | None = None) -> Outcome:
        self._around.turnover.begin()  # until the next trial's first step, see `_mirror`
        self._mirror().finish(ending)
        study, trial, samples = self._around.study, self._trial, self._samples
        settings = self._settings
        self._around.chores.add(lambda: save_note(study, trial, samples=samples, settings=settings))
        return Outcome(state, error)

    def _mirror(self) -> Mirror:
        """W&B, once it knows of the trial. Its first step comes first: opening a run takes time."""
        if self._to_mirror is not None:
            begun, self._to_mirror = self._to_mirror, None
            self._around.mirror.start(*begun)
            self._around.turnover.end()
        return self._around.mirror

    def _frozen(self) -> FrozenTrial:
        return self._around.database.storage.get_trial(self._id)


def fail(around: Surroundings, trial_id: int, error: Exception) -> str:
    """Record an error with a trial and tell the study FAIL; the error's line, passwords masked."""
    message = trial_record.record_error(around.database.storage, trial_id, error)
    number = around.database.storage.get_trial(trial_id).number
    tell(around.study, number, state=TrialState.FAIL)
    around.progress.failed(number, message)
    return message
