"""What optuna-dashboard gets through hpo is what it would have read itself."""

import json
import urllib.request

import optuna
import pytest
from optuna.trial import TrialState
from optuna_dashboard import save_note
from optuna_dashboard._inmemory_cache import _CachedExtraStudyProperty
from optuna_dashboard._note import save_note_with_version

from hpo import dashboard_studies, study
from hpo.dashboard import running
from hpo.dashboard_studies import (
    TRIAL_NOTES,
    Attributes,
    serialize_with_notes,
    studies_without_notes,
    update_from_first_unfinished,
)

LONG = "긴 메모 " * 2000  # several pieces
OTHERS = ([], [], [], True, {}, [])


@pytest.fixture
def opened(database, configured):
    """A study without trials."""
    study.create(database, "kobart", configured(), data_fingerprint="f" * 64)
    return study.open_study(database, "kobart", worker_seed=1)


@pytest.fixture
def noted(opened):
    """A study of 8 finished trials, some of them and itself with notes."""
    trials = [opened.ask() for _ in range(8)]
    for trial in trials:
        save_note(trial, LONG)
        if trial.number % 2:
            save_note(trial, f"short, of trial {trial.number}")  # leaves empty pieces behind
        opened.tell(trial, trial.number / 10)
    save_note(opened, "of the study: 100% \\_")
    return opened


def all_attributes(opened):
    (whole,) = opened._storage.get_all_studies()
    return whole


def test_the_list_of_studies_reads_no_notes_of_trials(noted):
    (listed,) = studies_without_notes(noted._storage)
    whole = all_attributes(noted)
    notes = {key for key in whole.system_attrs if ":note_" in key.removeprefix("dashboard:note_")}
    kept = {key: value for key, value in whole.system_attrs.items() if key not in notes}
    assert len(notes) > 8 * 3
    assert dict(listed.system_attrs) == kept
    assert "dashboard:note_ver" in kept
    assert (listed.study_name, listed.user_attrs) == (whole.study_name, whole.user_attrs)


@pytest.mark.parametrize("most", [1000, 2])
@pytest.mark.parametrize("after", [0, 5, 8])
def test_trials_are_sent_with_their_notes(noted, after, most, monkeypatch):
    monkeypatch.setattr(dashboard_studies, "MOST_ONE_BY_ONE", most)
    (read,) = studies_without_notes(noted._storage)
    trials, best = noted.trials[after:], [noted.best_trial]
    ours = serialize_with_notes(read, best, trials, *OTHERS)
    theirs = dashboard_studies._serialize(all_attributes(noted), best, trials, *OTHERS)
    assert ours == theirs
    assert ours["best_trials"][0]["note"]["body"] == "short, of trial 7"


def test_a_poll_reads_the_notes_of_what_it_sends_alone(noted):
    (read,) = studies_without_notes(noted._storage)
    serialize_with_notes(read, [], noted.trials[3:4], *OTHERS)
    assert isinstance(read.system_attrs, Attributes)
    wanted = noted.trials[3]._trial_id
    added = {key for key in read.system_attrs if key.split(":")[1].isdigit()}
    assert {key.split(":")[1] for key in added} == {str(wanted)}


def test_the_page_shows_a_note_that_was_changed_meanwhile(noted):
    with running(noted._storage, host="127.0.0.1", port=0) as url:
        detail = f"{url.removesuffix('/dashboard')}/api/studies/{noted._study_id}?after=7"
        seen = [note_of_last(detail)]
        last = noted.trials[7]._trial_id
        save_note_with_version(noted._storage, noted._study_id, last, 9, "changed")
        seen.append(note_of_last(detail))
    assert seen == ["short, of trial 7", "changed"]


def note_of_last(detail):
    with urllib.request.urlopen(detail, timeout=10) as answer:
        return json.load(answer)["trials"][-1]["note"]["body"]


def test_studies_of_other_storages_are_left_as_they_are():
    storage = optuna.storages.InMemoryStorage()
    opened = optuna.create_study(storage=storage)
    save_note(opened.ask(), "a note")
    (read,) = studies_without_notes(storage)
    assert read == all_attributes(opened)


def test_ended_trials_are_gone_through_once(monkeypatch):
    seen = []
    monkeypatch.setattr(
        _CachedExtraStudyProperty, "_update_user_attrs", lambda _, trial: seen.append(trial.number)
    )
    opened, spaces = optuna.create_study(), _CachedExtraStudyProperty()
    opened.add_trials([finished(n) for n in range(4)])
    update_from_first_unfinished(spaces, opened.trials)
    update_from_first_unfinished(spaces, opened.trials)
    assert sorted(seen) == [0, 1, 2, 3]
    seen.clear()
    running_trial = opened.ask()
    opened.add_trials([finished(5)])
    for _ in range(2):
        update_from_first_unfinished(spaces, opened.trials)
    assert sorted(seen) == [4, 4, 5, 5]
    seen.clear()
    opened.tell(running_trial, 1.0)
    for _ in range(2):
        update_from_first_unfinished(spaces, opened.trials)
    assert sorted(seen) == [4, 5]
    update_from_first_unfinished(_CachedExtraStudyProperty(), [])


def test_the_parameters_are_those_that_optuna_dashboard_finds():
    ours, theirs = _CachedExtraStudyProperty(), _CachedExtraStudyProperty()
    opened, asked = optuna.create_study(), []
    for step in range(30):
        if step % 3 and asked:
            opened.tell(asked.pop(step % len(asked)), 1.0)
        else:
            asked.append(opened.ask())
            asked[-1].suggest_float(f"x{step % 4}", 0.0, 1.0 + step)
            asked[-1].set_user_attr(f"a{step % 5}", step if step % 2 else "text")
        update_from_first_unfinished(ours, opened.trials)
        dashboard_studies._update(theirs, opened.trials)
        for name in ("union_search_space", "intersection_search_space", "union_user_attrs"):
            assert sorted(map(str, getattr(ours, name))) == sorted(map(str, getattr(theirs, name)))


def finished(number):
    return optuna.trial.create_trial(
        state=TrialState.COMPLETE,
        value=float(number),
        params={"x": 0.5},
        distributions={"x": optuna.distributions.FloatDistribution(0.0, 1.0)},
    )


def test_the_pattern_is_for_notes_of_trials(opened):
    kept = ["dashboard:note_ver", "dashboard:artifacts:1:a", "dashboard:1:noteXver", "hpo:x"]
    left = ["dashboard:1:note_ver", "dashboard:23:note_str:0"]
    for key in [*kept, *left]:
        opened._storage.set_study_system_attr(opened._study_id, key, 1)
    (read,) = opened._storage.find_studies(without=TRIAL_NOTES)
    assert set(kept) <= set(read.system_attrs)
    assert not set(left) & set(read.system_attrs)
