"""What workers ask of a database, prepared so far that every call can be made in one moment."""

import optuna
from optuna.distributions import FloatDistribution
from optuna.trial import Trial, TrialState

from storage.connect import connect
from storage.leases import Lease, Leases
from storage.patience import Patience
from storage.workers import Workers

PATIENT = Patience(outage_s=120.0)
UNIFORM = FloatDistribution(0, 1)


class Calls:
    """What workers do, each call prepared so far that only it remains to be made."""

    def __init__(self, database):
        self.database = database
        self.study = optuna.create_study(
            storage=database.storage, study_name="s", direction="maximize"
        )
        self.leases = Leases(database, self.study._study_id)
        self.workers = Workers(database, self.study._study_id)
        self.workers.register("w", host="h", pid=1, device="cpu")
        self.trial = {name: self.study.ask() for name in ("report", "tell", "attr", "param")}
        self.held = {name: self.leases.claim(name, n_trials=99) for name in ("start", "renew")}
        ended = self.leases.start(self.leases.claim("done", n_trials=99))
        self.study.tell(Trial(self.study, ended.trial_id), 0.25)
        self.held["done"] = ended
        self.held["cancel"] = self.leases.claim("cancel", n_trials=99)

    def all(self):
        storage, held = self.database.storage, self.held
        return {
            "connect": lambda: connect(self.database.url, patience=PATIENT).close(),
            "claim": lambda: self.leases.claim("claim", n_trials=99),
            "start": lambda: self.leases.start(held["start"]),
            "renew": lambda: self.leases.renew(held["renew"]),
            "done": lambda: self.leases.done(held["done"]),
            "cancel": lambda: self.leases.cancel(held["cancel"]),
            "beat": lambda: self.workers.beat("w", "training"),
            "report": lambda: self.trial["report"].report(0.5, 1),
            "tell": lambda: self.study.tell(self.trial["tell"], 0.75),
            "attr": lambda: self.trial["attr"].set_user_attr("k", 1),
            "param": lambda: storage.set_trial_param(
                self.trial["param"]._trial_id, "x", 0.5, UNIFORM
            ),
            "study attr": lambda: self.study.set_user_attr("k", 1),
            "enqueue": lambda: self.study.enqueue_trial({"x": 0.125}),
            "read": self.study.get_trials,
            "lock": self.locked,
        }

    def locked(self):
        with self.database.lock("a"):
            pass

    def check(self, results):
        """Everything was done, and done once."""
        assert isinstance(results["claim"], Lease)
        assert results["renew"]
        assert results["done"]
        assert results["cancel"]
        trials = {trial._trial_id: trial for trial in self.study.get_trials()}
        named = {name: trials[trial._trial_id] for name, trial in self.trial.items()}
        assert named["report"].intermediate_values == {1: 0.5}
        assert (named["tell"].state, named["tell"].value) == (TrialState.COMPLETE, 0.75)
        assert named["attr"].user_attrs == {"k": 1}
        assert named["param"].params == {"x": 0.5}
        assert self.study.user_attrs == {"k": 1}
        states = [trial.state for trial in trials.values()]
        # Four asked for, one ended before, one started now, one enqueued.
        assert len(states) == 7
        assert states.count(TrialState.WAITING) == 1
        assert [row.worker for row in self.leases.rows()] == ["start", "renew", "done", "claim"]
        assert [row.doing for row in self.workers.rows()] == ["training"]
