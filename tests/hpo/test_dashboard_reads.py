"""optuna-dashboard's own routes, taken from the installed version, against the read-only gate."""

import json
import re

import optuna_dashboard
import pytest
from dashboard_client import JSON, send

from config.load import from_mapping
from hpo import study
from hpo.dashboard import running
from hpo.dashboard_gate import Access
from hpo.dashboard_reads import reads
from storage.connect import connect
from storage.url import StorageURL

CONFIG = from_mapping(
    {"optuna": {"search_space": {"training.weight_decay": {"low": 0.0, "high": 0.1}}}}
)
WRITES = {
    ("POST", "/api/studies"),
    ("POST", "/api/studies/<study_id:int>/rename"),
    ("DELETE", "/api/studies/<study_id:int>"),
    ("PUT", "/api/studies/<study_id:int>/note"),
    ("POST", "/api/studies/<study_id:int>/preference"),
    ("PUT", "/api/studies/<study_id:int>/preference_feedback_component"),
    ("DELETE", "/api/studies/<study_id:int>/preference/<history_id>"),
    ("POST", "/api/studies/<study_id:int>/preference/<history_id>"),
    ("POST", "/api/trials/<trial_id:int>/tell"),
    ("POST", "/api/trials/<trial_id:int>/user-attrs"),
    ("POST", "/api/studies/<study_id:int>/<trial_id:int>/skip"),
    ("PUT", "/api/studies/<study_id:int>/<trial_id:int>/note"),
    ("POST", "/incompatible-rdb-schema"),
    ("POST", "/api/artifacts/<study_id:int>/<trial_id:int>"),
    ("POST", "/api/artifacts/<study_id:int>"),
    ("DELETE", "/api/artifacts/<study_id:int>/<trial_id:int>/<artifact_id:re:[0-9a-fA-F-]+>"),
    ("DELETE", "/api/artifacts/<study_id:int>/<artifact_id:re:[0-9a-fA-F-]+>"),
    ("POST", "/api/llm/trial_filter_query"),
    ("POST", "/api/llm/generate_plotly_graph_query"),
    ("POST", "/api/llm/re_generate_plotly_graph_query"),
}
READS = {
    ("GET", "/"),
    ("GET", "/dashboard<:re:(/.*)?>"),
    ("GET", "/api/meta"),
    ("GET", "/api/studies"),
    ("GET", "/api/studies/<study_id:int>"),
    ("GET", "/api/studies/<study_id:int>/param_importances"),
    ("GET", "/api/studies/<study_id:int>/plot/<plot_type>"),
    ("GET", "/csv/<study_id:int>"),
    ("GET", "/favicon.ico"),
    ("GET", "/static/<filename:path>"),
}
LEFT_OUT = {
    ("GET", "/artifacts/<study_id:int>/<artifact_id:re:[0-9a-fA-F-]+>"),
    ("GET", "/artifacts/<study_id:int>/<trial_id:int>/<artifact_id:re:[0-9a-fA-F-]+>"),
    ("GET", "/incompatible-rdb-schema"),
}
BODIES = (
    {"study_name": "stolen", "directions": ["minimize"]},
    {"version": 9, "body": "defaced"},
    {"state": "FAIL", "user_attrs": {"x": 1}, "file": "data:,x", "mode": "ChooseWorst"},
)


def searched_study(database):
    """A study with a finished and a running trial."""
    study.create(database, "kobart", CONFIG, data_fingerprint="f" * 64)
    opened = study.open_study(database, "kobart", worker_seed=1)
    first, second = opened.ask(), opened.ask()
    first.suggest_float("training.weight_decay", 0.0, 0.1)
    opened.tell(first, 0.2)
    second.report(0.1, 1)
    return database


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """One study for all that is refused: nothing may change it."""
    path = tmp_path_factory.mktemp("searched") / "hpo.db"
    with connect(StorageURL.parse(f"sqlite:///{path}")) as database:
        yield searched_study(database)


@pytest.fixture(scope="module")
def site(searched):
    with running(searched.storage, host="127.0.0.1", port=0) as url:
        yield url


@pytest.fixture
def untouched(searched):
    """Compares the whole study with what it was before the test."""

    def state():
        storage = searched.storage
        return [
            (
                study.study_name,
                study.user_attrs,
                study.system_attrs,
                storage.get_all_trials(study._study_id),
            )
            for study in storage.get_all_studies()
        ]

    before = repr(state())
    yield
    assert repr(state()) == before


def routes(storage):
    return {(route.method, route.rule) for route in optuna_dashboard.wsgi(storage).routes}


def path_of(rule):
    """A path that the rule takes: study 1, trial 2."""
    rule = rule.replace("<:re:(/.*)?>", "/studies/1")
    rule = rule.replace("<trial_id:int>", "2").replace("<plot_type>", "slice")
    rule = rule.replace("<filename:path>", "bundle.js")
    rule = re.sub(r"<(history_id|artifact_id:re:[^>]*)>", "0a0a-0b", rule)
    return rule.replace("<study_id:int>", "1")


def test_every_route_of_the_installed_dashboard_is_known_as_a_read_or_a_write(searched):
    """A new version's new routes fail here until somebody has looked at them."""
    assert routes(searched.storage) == WRITES | READS | LEFT_OUT


def test_every_write_is_refused_and_changes_nothing(searched, site, untouched):
    for method, rule in sorted(routes(searched.storage) - READS):
        for body in BODIES:
            answer = send(site, method, path_of(rule), headers=JSON, body=json.dumps(body).encode())
            assert answer.status == 403, (method, rule)
            assert "read-only" in answer.reason
            assert "--allow-write" in answer.reason


@pytest.mark.parametrize(("method", "rule"), sorted(READS))
def test_every_read_of_the_page_is_let_through(site, method, rule):
    answer = send(site, method, path_of(rule), headers={"Accept-Encoding": "gzip"})
    assert answer.status not in {401, 403, 404, 405, 421}


@pytest.mark.parametrize(
    "method",
    ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROXY", "ANY", "get",
     "post", "delete", "PROPFIND", "GET,DELETE", "X"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/studies/1", "/dashboard", "/static/bundle.js", "*"])
def test_only_get_and_head_are_reads(site, untouched, method, path):
    assert send(site, method, path, headers=JSON, body=b"{}").status in {400, 403, 501}


@pytest.mark.parametrize(
    "override",
    [
        {"X-HTTP-Method-Override": "DELETE"},
        {"X-HTTP-Method": "DELETE"},
        {"X-Method-Override": "DELETE"},
    ],
)
def test_no_header_or_field_makes_a_write_of_a_read(site, untouched, override):
    assert send(site, "GET", "/api/studies/1", headers=override).status == 200
    assert send(site, "GET", "/api/studies/1?_method=DELETE").status == 200
    assert send(site, "POST", "/api/studies/1", headers=override, body=b"_method=GET").status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/%61pi/studies/1",
        "/api%2Fstudies%2F1",
        "//api/studies/1",
        "/api/studies/1/",
        "/api/studies/1;x",
        "/api/./studies/1",
        "/dashboard/../api/studies/1",
        "/static/../api/studies/1",
        "/static/%2e%2e/api/studies/1",
        "/api/studies/1%00",
        "/api/studies/1%0a",
        "/api/st%ffudies/1",
        "http://127.0.0.1/api/studies/1",
    ],
)
def test_no_way_of_writing_a_path_deletes_a_study(site, untouched, path):
    assert send(site, "DELETE", path, headers=JSON, body=b"{}").status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/api/new-in-1.0",
        "/api/studies/1/notes",
        "/api/studies/1/2",
        "/api/studies/-1",
        "/api/studies/1\n",
        "/apix",
        "/dashboardx",
        "/static",
        "/artifacts/1/0a",
        "/incompatible-rdb-schema",
        "",
    ],
)
def test_a_path_nobody_has_looked_at_is_no_read(path):
    assert not reads("GET", path) or path == ""


def test_files_outside_the_pages_own_are_not_served(site):
    for path in ("/static/../_app.py", "/static/..%2f_app.py", "/static/%2e%2e/_app.py",
                 "/static//etc/passwd", "/static/....//_app.py"):  # fmt: skip
        assert send(site, "GET", path, headers={"Accept-Encoding": "x"}).status in {403, 404}


def test_with_leave_to_write_the_page_writes(database):
    searched = searched_study(database)
    access = Access(allow_write=True)
    with running(searched.storage, host="127.0.0.1", port=0, access=access) as site:
        note = json.dumps({"version": 1, "body": "ours"}).encode()
        assert send(site, "PUT", "/api/studies/1/note", headers=JSON, body=note).status == 204
        assert "ours" in send(site, "GET", "/api/studies/1").json["note"]["body"]
        assert send(site, "DELETE", "/api/studies/1", headers=JSON, body=b"{}").status == 204
    assert searched.storage.get_all_studies() == []


def test_artifacts_are_reads_only_where_their_folder_was_named():
    for path in ("/artifacts/1/0a-0b", "/artifacts/1/2/0a-0b"):
        assert reads("GET", path, artifacts=True)
        assert not reads("GET", path)
        assert not reads("DELETE", path, artifacts=True)
    for path in ("/artifacts/1/../2", "/artifacts/1/2/3/0a", "/artifacts/1/0a\n", "/artifacts/1"):
        assert not reads("GET", path, artifacts=True)
