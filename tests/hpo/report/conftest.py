"""A study whose trials are written down, not trained."""

from datetime import UTC, datetime, timedelta

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from config.load import from_mapping
from hpo import study as studies
from hpo import trial_record
from hpo.report.facts import gather
from hpo.verdict import Verdict

LR = "training.learning_rate"
BATCH = "training.per_device_train_batch_size"
EPOCHS = "training.num_train_epochs"
SPACE = {
    LR: {"low": 1e-5, "high": 1e-3, "log": True},
    BATCH: {"choices": [8, 16, 32]},
    EPOCHS: {"low": 1, "high": 10},
}
KINDS = {
    LR: FloatDistribution(1e-5, 1e-3, log=True),
    BATCH: CategoricalDistribution([8, 16, 32]),
    EPOCHS: IntDistribution(1, 10),
}
BEGINNING = datetime(2026, 3, 1, 9, tzinfo=UTC).replace(tzinfo=None)


class Written:
    """A study of which a test says how each trial ended."""

    def __init__(self, database, name, **sections):
        optuna = {"n_trials": 12, "search_space": SPACE, **sections.pop("optuna", {})}
        self.database, self.name = database, name
        config = from_mapping({"optuna": optuna, **sections})
        studies.create(database, name, config, data_fingerprint="f" * 64)
        self.study = studies.open_study(database, name, worker_seed=1)
        self._count = 0

    def complete(self, curve, *, rate=1e-4, batch=8, epochs=None, **attrs):
        """A trial that ran to the end of this curve."""
        best = max(curve)
        told = {trial_record.BEST_EPOCH: float(curve.index(best) + 1), **attrs}
        params = self._params(rate, batch, epochs or len(curve))
        return self._add(TrialState.COMPLETE, params, curve, told, value=best)

    def pruned(self, curve, *, rate=1e-4, batch=8, epochs=10, seconds=None, rule="median"):
        """A trial that the rule stopped after this curve."""
        verdict = Verdict(rule, len(curve), curve[-1], curve[-1] + 0.1)
        told = {trial_record.PRUNED: verdict.as_mapping()}
        if seconds is not None:
            told[trial_record.SECONDS] = seconds
        self._add(TrialState.PRUNED, self._params(rate, batch, epochs), curve, told)

    def failed(self, error, *, rate=1e-4, batch=8):
        """A trial that ended with an error."""
        told = {trial_record.ERROR: error}
        self._add(TrialState.FAIL, self._params(rate, batch, 4), (), told)

    def infeasible(self, reason, *, rate=1e-4, batch=8, constraint="memory"):
        """A trial whose settings could not be trained."""
        told = {trial_record.INFEASIBLE: reason}
        params = self._params(rate, batch, 4)
        self._add(TrialState.PRUNED, params, (), told, broken={f"constraints:{constraint}": 1.0})

    def facts(self):
        """What its report is made from."""
        return gather(self.database, self.name)

    def _params(self, rate, batch, epochs):
        return {LR: rate, BATCH: batch, EPOCHS: epochs}

    def _add(self, state, params, curve, attrs, *, value=None, broken=None):
        trial = create_trial(
            state=state,
            value=value,
            params=params,
            distributions=KINDS,
            user_attrs=attrs,
            system_attrs=broken,
            intermediate_values=dict(enumerate(curve, start=1)),
        )
        trial.datetime_start = BEGINNING + timedelta(minutes=self._count)
        trial.datetime_complete = trial.datetime_start + timedelta(seconds=50)
        self._count += 1
        self.study.add_trial(trial)


@pytest.fixture
def written(database):
    """Give a study by its name and the sections of its configuration."""

    def make(name="s", **sections):
        return Written(database, name, **sections)

    return make
