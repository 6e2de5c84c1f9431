"""Runs under further seeds, where there are some, speak for the leaders and for the noise."""

from dataclasses import replace

import pytest

from hpo.confirm.posterior import posterior
from hpo.confirm.results import Candidate, Results
from hpo.confirm.words import said
from hpo.report.confirmation import confirmation
from hpo.report.doubts import doubts
from hpo.report.head import Told
from hpo.report.learned import learned
from hpo.report.next_steps import next_steps
from hpo.report.noise import noise_of
from hpo.report.write import Writer
from storage.leases import Leases


def facts(written, *values):
    study = written()
    for number in range(len(values)):
        study.complete([0.3, 0.4 - 0.001 * number, 0.2])
    candidates = tuple(
        Candidate(number, {}, 0.4, dict(enumerate(runs))) for number, runs in enumerate(values)
    )
    results = Results("s.confirm", candidates, posterior([tuple(runs) for runs in values]))
    return replace(study.facts(), confirmed=results)


def test_without_a_confirmation_nothing_is_said(written):
    assert confirmation(written().facts()) is None


def test_a_confirmed_winner_is_learned_and_the_noise_is_that_of_seeds(written):
    found = facts(written, (0.45, 0.451, 0.452), (0.40, 0.401, 0.402))
    assert any(one.text.startswith("Trial 0 is the best of 2") for one in learned(found))
    noise = noise_of(found)
    assert noise is not None
    assert noise.seeds
    assert noise.sd == pytest.approx(0.001)
    assert not [one for one in doubts(found) if "tell" in one.text or "ahead" in one.text]
    text = Writer(found, Told(), {}).markdown()
    assert "hpo best --study s --confirmed --export best.yaml" in text
    assert "## Confirmation" in text


def test_leaders_that_further_seeds_do_not_part_are_called_so(written):
    found = facts(written, (0.45, 0.44), (0.43, 0.44))
    (doubt,) = [one for one in doubts(found) if "do not tell trials" in one.text]
    assert "trials 0 and 1 apart" in doubt.text
    assert "Run trials 0 and 1 under more seeds" in (doubt.step or "")


def test_next_steps_name_as_many_seeds_as_the_confirmation_says_to_take(written):
    found = facts(written, (0.45, 0.44), (0.43, 0.44))
    steps = str(next_steps(found, doubts(found)))
    assert found.confirmed is not None
    (line,) = [line for line in said(found.confirmed) if "would tell" in line]
    assert line.partition(": ")[2] in steps


def test_more_seeds_are_no_next_step_where_a_hundred_would_not_do(written):
    found = facts(written, (0.45, 0.40), (0.44, 0.41))
    (doubt,) = [one for one in doubts(found) if "do not tell trials" in one.text]
    assert doubt.step is None


@pytest.mark.parametrize("runs", [((0.45, 0.451), ()), ((0.9,), (0.4, 0.401), (0.39, 0.391))])
def test_a_trial_alone_or_with_one_run_is_not_learned_to_be_the_best(written, runs):
    found = facts(written, *runs)
    assert not [one for one in learned(found) if "is the best of" in one.text]
    assert "## Confirmation" in Writer(found, Told(), {}).markdown()


def test_the_record_of_runs_under_further_seeds_asks_for_nothing_that_they_refuse(written):
    queued = {"n_trials": 4, "sampler": "queued", "pruner": "none"}
    study = written("s.confirm", optuna=queued)
    leases = Leases(study.database, study.study._study_id)
    for number in range(4):
        leases.claim(f"w{number}", n_trials=4)
        study.complete([0.1, 0.2, 0.1, 0.2, 0.1, 0.2 + number / 1e4])
    facts = study.facts()
    steps = str(next_steps(facts, doubts(facts)))
    assert "n_trials" not in steps
    assert "hpo confirm" not in steps
    assert "hpo best --study s --confirmed --export best.yaml" in steps
