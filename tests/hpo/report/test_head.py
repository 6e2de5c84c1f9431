"""Number, aim and the W&B link."""

import time

import pytest

from config.load import from_mapping
from hpo.report.document import Text
from hpo.report.head import Told, aim, head, title, wandb_url
from hpo.trial_record import WANDB

TEAM = {"mode": "online", "entity": "nlp team", "project": "a/b"}


def test_number_aim_and_who_are_those_given(written):
    facts = written("kobart").facts()
    told = Told(number=7, aim="Beat 0.48", who="Kim")
    assert title(facts, told) == "Experiment 7: kobart"
    assert aim(facts, told).blocks == (Text("Beat 0.48"),)
    assert "Kim" in str(head(facts, told, {}))


def test_without_them_the_study_speaks_for_itself(written):
    facts = written("kobart").facts()
    assert title(facts, Told()) == f"Experiment {facts.study_id}: kobart"
    (text,) = aim(facts, Told()).blocks
    assert "3 settings" in str(text)
    noted = written("noted", wandb={"notes": "longer summaries"}).facts()
    assert aim(noted, Told()).blocks == (Text("longer summaries"),)


@pytest.mark.parametrize(
    ("section", "environ", "url"),
    [
        (TEAM, {}, "https://wandb.ai/nlp%20team/a%2Fb"),
        (TEAM, {"WANDB_BASE_URL": "https://api.wandb.ai"}, "https://wandb.ai/nlp%20team/a%2Fb"),
        (
            TEAM,
            {"WANDB_BASE_URL": "http://u:pw@wandb.local:8080"},
            "http://wandb.local:8080/nlp%20team/a%2Fb",
        ),
        (TEAM, {"WANDB_BASE_URL": "http://wandb.local:port"}, None),
        ({**TEAM, "mode": "offline"}, {}, None),
        ({"project": "p"}, {}, None),
    ],
)
def test_the_link_leads_to_the_teams_project_where_it_is_known(section, environ, url):
    assert wandb_url(from_mapping({"wandb": section}), environ) == url


def test_wandb_is_what_the_workers_made_of_it(written):
    pinned_off = written("off", wandb={"mode": "disabled", "project": "p"})
    assert "switched off" in str(head(pinned_off.facts(), Told(), {}))
    pinned_off.complete([0.1], **{WANDB: "offline"})
    assert "project p, offline files" in str(head(pinned_off.facts(), Told(), {}))
    mixed = written("mixed", wandb={"mode": "online", "project": "p"})
    for way in ("online", "online", "disabled"):
        mixed.complete([0.1], **{WANDB: way})
    assert "project p; trials: online 2, switched off 1" in str(head(mixed.facts(), Told(), {}))


def test_dates_are_in_utc_wherever_the_report_is_written(written, monkeypatch):
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Seoul")
        time.tzset()
        study = written("s")
        study.complete([0.1])  # begins at 9 o'clock there
        said = str(head(study.facts(), Told(), {}))
    time.tzset()
    assert "2026-03-01 00:00 to 2026-03-01 00:00 UTC" in said
