"""A report in optuna-dashboard: artifacts, notes and plots, behind the gate."""

from dataclasses import replace

import pytest
from dashboard_client import send

from hpo.dashboard import running
from hpo.dashboard_gate import ARTIFACT_POLICY
from hpo.dashboard_notes import note_of
from hpo.notes import save_note
from hpo.report import publish as publishing
from hpo.report.head import Told
from hpo.report.publish import publish, table, with_report
from hpo.report.write import Writer
from trainer.evaluation import Sample

SAMPLE = Sample("dev_3", "#Person1#은 <은행>에\n간다.", "a,*b*")


@pytest.fixture
def study(written):
    made = written()
    for number in range(3):
        made.complete([0.1, 0.2 + 0.1 * number])
    save_note(made.study, made.study.get_trials()[1], samples=[SAMPLE])
    return made


def told(study, folder):
    facts = study.facts()
    return publish(study.database, facts, Writer(facts, Told(), {}), folder)


def test_the_dashboard_serves_page_samples_and_plots(study, tmp_path):
    folder = tmp_path / "artifacts"
    assert str(told(study, folder)) == "the page and the note, samples of 1 trial, 6 plots"
    storage = study.database.storage
    with running(storage, host="127.0.0.1", port=0, artifacts=folder) as url:
        seen = send(url, "GET", "/api/studies/1").json
        page = next(one for one in seen["artifacts"] if one["filename"] == "report.html")
        answer = send(url, "GET", f"/artifacts/1/{page['artifact_id']}")
        assert answer.body.startswith(b"<!DOCTYPE html>")
        assert answer.headers["Content-Security-Policy"] == ARTIFACT_POLICY
        assert answer.headers["Access-Control-Allow-Origin"] is None
        (samples,) = seen["trials"][1]["artifacts"]
        trial_id = seen["trials"][1]["trial_id"]
        answer = send(url, "GET", f"/artifacts/1/{trial_id}/{samples['artifact_id']}")
        assert answer.body.decode() == table(
            [replace(SAMPLE, prediction="#Person1#은 <은행>에 간다.")]
        )
        assert len(seen["plotly_graph_objects"]) == 6
        assert "# Experiment 1: s" in seen["note"]["body"]
        refused = send(url, "DELETE", f"/api/artifacts/1/{page['artifact_id']}")
        assert refused.status == 403
    with running(storage, host="127.0.0.1", port=0) as url:
        assert send(url, "GET", f"/artifacts/1/{page['artifact_id']}").status == 403


def test_an_artifact_whose_file_is_elsewhere_is_not_found(study, tmp_path):
    told(study, tmp_path / "artifacts")
    empty = tmp_path / "empty"
    empty.mkdir()
    with running(study.database.storage, host="127.0.0.1", port=0, artifacts=empty) as url:
        meta = send(url, "GET", "/api/studies/1").json["artifacts"][0]
        answer = send(url, "GET", f"/artifacts/1/{meta['artifact_id']}")
    assert answer.status == 404
    assert b"not in the folder" in answer.body


def test_publishing_again_takes_the_place_of_the_older_report(study, tmp_path):
    told(study, tmp_path)
    files = {path.name for path in tmp_path.iterdir() if not path.name.startswith("hpo.db")}
    attrs = set(study.database.storage.get_study_system_attrs(1))
    told(study, tmp_path)
    assert {p.name for p in tmp_path.iterdir() if not p.name.startswith("hpo.db")} == files
    assert set(study.database.storage.get_study_system_attrs(1)) == attrs
    body = note_of(study.database.storage.get_study_system_attrs(1), None)["body"]
    assert body.count("# Experiment 1: s") == 1


def test_what_people_wrote_in_the_note_stays(study):
    note = with_report("ours before", "# R1")
    note = with_report(note + "\nours after", "# R2")
    assert note.startswith("ours before\n\n")
    assert note.endswith("\nours after")
    assert "# R2" in note
    assert "# R1" not in note


def test_a_plot_too_large_for_the_database_is_named_and_left_to_the_page(
    study, tmp_path, monkeypatch
):
    monkeypatch.setattr(publishing, "PLOT_CHARACTERS", 10)
    done = told(study, tmp_path)
    assert done.plots == []
    assert "timeline" in done.left_out
    assert "too large for the dashboard: history" in str(done)


def test_without_plotly_the_note_and_the_samples_go_alone(study, tmp_path, monkeypatch):
    monkeypatch.setattr("hpo.report.write.find_spec", lambda _: None)
    done = told(study, tmp_path)
    assert (done.page, done.samples, done.plots) == (False, 1, [])
