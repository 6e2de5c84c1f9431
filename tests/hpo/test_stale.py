"""What is said of running trials that nobody works on, and what `hpo reap` does about them."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from optuna.trial import TrialState
from small_search import LR, Search, small_search

from hpo.cli import main
from hpo.stale import NOT_COUNTED, announcement, find_stale
from hpo.status import collect
from storage.connect import Database
from storage.tables import TRIALS

DAY_S = 24 * 3600


@pytest.fixture
def search(database: Database, tmp_path: Path) -> Search:
    return small_search(database, tmp_path)


@pytest.fixture
def hpo(search: Search):
    """Run a command on the study's database."""

    def run(*words: str, stdin: str | None = None) -> Result:
        environ = {"HPO_STORAGE": search.database.url.sqlalchemy}
        return CliRunner().invoke(main, words, input=stdin, env=environ, prog_name="hpo")

    return run


def foreign(search: Search, *, hours: float = 0.0) -> int:
    """Let another program begin a trial so long ago; its number."""
    trial = search.study.ask()
    trial.suggest_float(LR, 1e-5, 1e-3, log=True)
    older = sa.text(
        "UPDATE trials SET datetime_start ="
        f" strftime('%Y-%m-%d %H:%M:%f000', datetime_start, '-{hours * 3600:.0f} seconds')"
        " WHERE trial_id = :trial"
    )
    with search.database.writing() as connection:
        connection.execute(older, {"trial": trial._trial_id})
    return trial.number


def said(search: Search, **options: float) -> list[str]:
    found = find_stale(search.database, search.study_id, max_attempts=3, **options)
    return [re.sub(r"\d+ s ago", "N s ago", str(trial)) for trial in found]


def test_trials_of_our_own_workers_are_left_to_the_next_one(search: Search) -> None:
    given_back = search.claim("a")
    search.claim("b")
    search.leases().release(given_back)
    assert said(search) == [
        "trial 0: given back by its worker; the next worker continues it",
    ]
    search.leases().forfeit("b")
    assert said(search)[1:] == ["trial 1: its worker is gone; the next worker continues it"]


def test_trial_that_has_killed_its_last_worker_is_said_to_be_failed(search: Search) -> None:
    search.claim("a")
    search.leases().forfeit("a")
    (trial,) = find_stale(search.database, search.study_id, max_attempts=1)
    assert str(trial) == "trial 0: its worker is gone, once by now; the next worker fails it"


def test_trials_of_other_programs_are_failed_by_hpo_reap_alone_and_only_when_old(
    search: Search,
) -> None:
    foreign(search)
    foreign(search, hours=25)
    assert said(search) == [
        "trial 0: no lease, no heartbeat, started N s ago; left alone until that is 24.0 h",
        "trial 1: no lease, no heartbeat, started 25.0 h ago; hpo reap fails it",
    ]
    assert "hpo reap fails it" in said(search, older_than=0.0)[0]
    assert "left alone until that is 27.8 h" in said(search, older_than=100_000.0)[1]


def test_trial_with_a_heartbeat_is_given_up_after_minutes(search: Search) -> None:
    foreign(search)
    with search.database.writing() as connection:
        trial = sa.select(TRIALS.c.trial_id)
        values = {"trial": connection.execute(trial).scalar_one()}
        connection.execute(
            sa.text(
                "INSERT INTO trial_heartbeats (trial_id, heartbeat)"
                " VALUES (:trial, datetime('now', '-11 minutes'))"
            ),
            values,
        )
    assert said(search) == ["trial 0: no lease, last heartbeat 11 min ago; hpo reap fails it"]


def test_reap_asks_and_a_no_changes_nothing(search: Search, hpo) -> None:
    foreign(search, hours=25)
    for answer in ("n\n", ""):
        result = hpo("reap", stdin=answer)
        assert result.exit_code == 1
        assert "trial 0: no lease, no heartbeat, started 25.0 h ago" in result.output
        assert "nothing was changed; --yes fails them without asking" in result.output
    assert search.trials()[0].state == TrialState.RUNNING


def test_reap_fails_the_dead_says_so_and_leaves_the_others(search: Search, hpo) -> None:
    foreign(search, hours=25)
    foreign(search)
    search.leases().release(search.claim("a"))
    result = hpo("reap", "--study", "s", stdin="y\n")
    assert result.exit_code == 0
    assert "Fail 1 running in study 's'?" in result.output
    assert "trial 0 failed: no lease, no heartbeat, started 25.0 h ago" in result.output
    assert "trial 1: no lease" in result.output
    assert "trial 2: given back by its worker; the next worker continues it" in result.output
    assert "next: hpo retry --study s --trial 0" in result.output
    assert [trial.state for trial in search.trials()] == [
        TrialState.FAIL,
        TrialState.RUNNING,
        TrialState.RUNNING,
    ]
    assert search.trials()[0].user_attrs["hpo:error"] == (
        "no lease, no heartbeat, started 25.0 h ago; given up by hpo reap"
    )
    again = hpo("reap", "--yes")
    assert (again.exit_code, again.output.splitlines()[-1]) == (0, "nothing to reap")


def test_reap_of_a_study_that_is_not_there_is_refused_in_one_line(hpo) -> None:
    result = hpo("reap", "--study", "other", "--yes")
    assert result.exit_code == 1
    assert result.output.startswith("Error: no study 'other' in sqlite://")
    assert len(result.output.splitlines()) == 1


def test_reap_without_asking_has_a_line_for_each(search: Search, hpo) -> None:
    foreign(search)
    foreign(search)
    lines = hpo("reap", "--yes", "--older-than", "0").output.splitlines()
    assert [line.split(":")[0] for line in lines] == ["trial 0 failed", "trial 1 failed", "next"]
    assert lines[-1].endswith("hpo retry --study s --trial 0 --trial 1")


def test_status_lists_them_and_does_not_count_what_has_no_lease(search: Search, hpo) -> None:
    foreign(search)
    for name in "abc":
        search.leases().done(search.claim(name))
        search.study.tell(search.trials()[-1].number, 0.5)
    status = collect(search.database, "s")
    assert status.as_json()["stale"] == [
        {"trial": 0, "why": status.stale[0].why, "then": status.stale[0].then}
    ]
    assert (status.taken, status.running, status.time_left_s) == (3, 1, 0.0)
    shown = hpo("status").output
    assert "budget spent" in shown
    assert "stale    trial 0: no lease" in shown
    assert NOT_COUNTED in " ".join(shown.split())


def test_worker_says_at_its_start_that_there_are_some(search: Search) -> None:
    search.leases().release(search.claim("a"))
    assert announcement(search.database, "s") is None
    foreign(search)
    assert announcement(search.database, "s") == (
        "1 running trial without a lease, of another program that lives or died:"
        " hpo reap --study s settles it; the search goes on without"
    )
    foreign(search)
    assert "2 running trials without a lease" in str(announcement(search.database, "s"))
