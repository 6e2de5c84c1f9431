"""Any order of what workers, dead workers and other programs may do, against a model of it."""

import itertools
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import hypothesis.strategies as st
import optuna
from hypothesis import Phase, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)
from optuna.trial import TrialState

from storage.connect import connect
from storage.errors import LeaseLost
from storage.leases import Lease, Leases, Spent, Wait
from storage.tables import LEASES
from storage.url import StorageURL

EXAMPLES = 12
STEPS = 25
N_TRIALS = 3
FINISHED = [TrialState.COMPLETE, TrialState.FAIL]


class Searching(RuleBasedStateMachine):
    """The rules are the steps; `held` is who truly holds which slot."""

    ready_file: Path
    leases = Bundle("leases")

    def __init__(self):
        super().__init__()
        self.open = ExitStack()
        folder = self.open.enter_context(tempfile.TemporaryDirectory())
        shutil.copy(self.ready_file, f"{folder}/hpo.db")
        url = StorageURL.parse(f"sqlite:///{folder}/hpo.db")
        self.database = self.open.enter_context(connect(url))
        self.study = optuna.create_study(storage=self.database.storage, direction="maximize")
        self.api = Leases(self.database, self.study._study_id)
        self.names = map(str, itertools.count())
        self.held = {}
        self.run_out = set()
        self.foreign = 0

    def teardown(self):
        self.open.close()

    def holds(self, lease):
        return self.held.get(lease.slot) == (lease.worker, lease.attempt)

    def state(self, trial_id):
        return self.study._storage.get_trial(trial_id).state

    @rule(target=leases)
    def claim(self):
        got = self.api.claim(next(self.names), n_trials=N_TRIALS)
        if isinstance(got, Lease):
            assert got.slot not in self.held or got.slot in self.run_out
            self.held[got.slot] = (got.worker, got.attempt)
            self.run_out.discard(got.slot)
            self.forget_closed()
            return got
        self.forget_closed()
        assert self.api.taken() >= N_TRIALS
        unfinished = [row for row in self.api.rows() if not row.done]
        running = [row for row in unfinished if row.state not in FINISHED]
        assert isinstance(got, Wait if running else Spent)
        return None

    def forget_closed(self):
        """A claim closes what ran out after its trial had ended."""
        for row in self.api.rows():
            if row.done and self.held.pop(row.slot, None):
                assert row.slot in self.run_out
                assert row.state in FINISHED

    @rule(target=leases)
    def claim_and_start(self):
        lease = self.claim()
        return lease and self.start(lease)

    @rule(target=leases, lease=consumes(leases).filter(lambda lease: lease is not None))
    def start(self, lease):
        before = len(self.study.get_trials(deepcopy=False))
        try:
            started = self.api.start(lease)
        except LeaseLost:
            ended = lease.trial_id is not None and self.state(lease.trial_id) in FINISHED
            assert ended or not self.holds(lease)
            assert len(self.study.get_trials(deepcopy=False)) == before
            if self.holds(lease):
                del self.held[lease.slot]
            return None
        assert self.holds(lease)
        self.run_out.discard(lease.slot)
        assert self.state(started.trial_id) == TrialState.RUNNING
        return started

    @rule(lease=leases.filter(lambda lease: lease is not None))
    def renew(self, lease):
        assert self.api.renew(lease) == self.holds(lease)
        if self.holds(lease):
            self.run_out.discard(lease.slot)

    @rule(lease=leases.filter(lambda lease: lease is not None))
    def release(self, lease):
        assert self.api.release(lease) == self.holds(lease)
        if self.holds(lease):
            del self.held[lease.slot]

    @rule(lease=leases.filter(lambda lease: lease is not None))
    def cancel(self, lease):
        if self.api.cancel(lease):
            assert self.holds(lease)
            del self.held[lease.slot]

    @rule(lease=leases.filter(lambda lease: lease and lease.trial_id), close=st.booleans())
    def finish(self, lease, close):
        """End the trial as its holder does; without `close` the worker dies before it says so."""
        if not self.holds(lease) or self.state(lease.trial_id) != TrialState.RUNNING:
            return
        self.study._storage.set_trial_state_values(lease.trial_id, TrialState.COMPLETE, [0.5])
        if close:
            assert self.api.done(lease)
            del self.held[lease.slot]

    @rule()
    def time_passes(self):
        with self.database.writing() as connection:
            held = LEASES.update().where(LEASES.c.expires_at > 0)
            connection.execute(held.values(expires_at=LEASES.c.expires_at - 100))
        self.run_out |= set(self.held)

    @rule()
    def enqueue(self):
        self.study.enqueue_trial({"x": 0.5})

    @rule()
    def foreign_program_runs_an_enqueued_trial(self):
        waiting = self.study.get_trials(deepcopy=False, states=[TrialState.WAITING])
        if waiting:
            self.study.tell(self.study.ask(), 0.5)
            self.foreign += 1

    @invariant()
    def budget_is_exact_and_no_trial_has_two_places(self):
        rows = self.api.rows()
        assert len(rows) <= N_TRIALS
        bound = [row.trial_id for row in rows if row.trial_id is not None]
        assert len(bound) == len(set(bound))
        trials = self.study.get_trials(deepcopy=False)
        assert [trial.number for trial in trials] == list(range(len(trials)))
        ran = [trial for trial in trials if trial.state != TrialState.WAITING]
        assert len(ran) - self.foreign <= len(rows)


def test_no_order_of_events_passes_the_budget_or_gives_a_trial_two_holders(ready_file):
    Searching.ready_file = ready_file
    few = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        phases=[Phase.generate],  # to shorten a failure would take minutes with a real database
        deadline=None,
        database=None,
    )
    run_state_machine_as_test(Searching, settings=few)
