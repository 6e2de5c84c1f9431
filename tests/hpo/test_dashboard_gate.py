"""The gate before a real optuna-dashboard, asked over HTTP as a browser or an attacker would."""

import http.client
from urllib.parse import urlsplit

import pytest
from dashboard_client import JSON, basic, send

from hpo.dashboard import access_for, running
from hpo.dashboard_gate import ARTIFACT_POLICY, POLICY, SECURITY_HEADERS, Access, Gate
from hpo.dashboard_password import FREE_ATTEMPTS, PASSWORD, Credentials, Throttle
from hpo.errors import DashboardError
from storage.connect import connect
from storage.url import StorageURL

SECRET = "correct horse battery"
OURS = Access(allow_write=True)
NOTE = b'{"study_name": "new", "directions": ["maximize"]}'


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("gate") / "hpo.db"
    with connect(StorageURL.parse(f"sqlite:///{path}")) as opened:
        yield opened


@pytest.fixture(scope="module")
def writable(database):
    with running(database.storage, host="127.0.0.1", port=0, access=OURS) as url:
        yield url


@pytest.fixture
def locked(database):
    access = Access(credentials=Credentials.of("hpo", SECRET))
    with running(database.storage, host="127.0.0.1", port=0, access=access) as url:
        yield url


def studies(database):
    return {study.study_name for study in database.storage.get_all_studies()}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_site_cannot_write(database, writable, headers):
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        answer = send(
            writable, "POST", "/api/studies", headers={"Content-Type": kind, **headers}, body=NOTE
        )
        assert answer.status == 403
        assert "another site" in answer.reason
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert studies(database) == set()


def test_a_preflight_gets_no_leave(writable):
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "DELETE"}
    answer = send(writable, "OPTIONS", "/api/studies/1", headers=headers)
    assert answer.status == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_the_dashboards_own_page_writes_and_so_does_a_script(database, writable):
    own = {"Origin": f"http://{urlsplit(writable).netloc}", "Sec-Fetch-Site": "same-origin"}
    for headers, name in ((own, b"by page"), ({}, b"by curl")):
        body = NOTE.replace(b"new", name)
        answer = send(writable, "POST", "/api/studies", headers={**JSON, **headers}, body=body)
        assert answer.status == 201
        study_id = answer.json["study_summary"]["study_id"]
        assert send(writable, "DELETE", f"/api/studies/{study_id}", headers=JSON).status == 204


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8080", "", "gpu1"])
def test_a_name_that_is_not_ours_is_refused_whatever_it_leads_to(writable, host):
    for method in ("GET", "POST"):
        answer = send(writable, method, "/api/studies", headers={"Host": host})
        assert answer.status == 421
        assert "--host-name" in answer.reason


def test_a_request_without_a_host_is_refused(writable):
    connection = http.client.HTTPConnection(urlsplit(writable).netloc, timeout=20)
    connection.putrequest("GET", "/api/studies", skip_host=True)
    connection.endheaders()
    assert connection.getresponse().status == 421
    connection.close()


def test_names_that_were_given_are_ours(database):
    access = access_for("127.0.0.1", {}, allow_write=False, host_names=["HPO.example.org"])
    with running(database.storage, host="127.0.0.1", port=0, access=access) as url:
        for host in ("hpo.example.org", "localhost:9000", "[::1]", "127.0.0.1"):
            assert send(url, "GET", "/api/studies", headers={"Host": host}).status == 200


def test_every_answer_carries_the_security_headers(writable, locked):
    own = basic("hpo", SECRET)
    for url, path, headers in (
        (writable, "/dashboard", {}),
        (writable, "/api/studies", {}),
        (writable, "/api/studies", {"Host": "evil.example"}),
        (writable, "/nowhere", {}),
        (writable, "/artifacts/1/0a", {}),
        (locked, "/api/studies", {}),
        (locked, "/api/studies/1/rename", own),
        (locked, "/dashboard", own),
    ):
        answer = send(url, "GET", path, headers=headers)
        own_policy = {POLICY: ARTIFACT_POLICY} if path.startswith("/artifacts/") else {}
        for name, value in (SECURITY_HEADERS | own_policy).items():
            assert answer.headers.get_all(name) == [value], (path, name)
        assert answer.headers.get_all("Cache-Control") == ["no-store"]
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_pages_own_files_may_be_cached(writable):
    answer = send(writable, "GET", "/static/bundle.js", headers={"Accept-Encoding": "gzip"})
    assert answer.status == 200
    assert answer.headers["Cache-Control"] is None
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/dashboard", "/api/studies", "/static/bundle.js", "/x"])
@pytest.mark.parametrize("given", [None, ("hpo", "wrong password"), ("root", SECRET)])
def test_without_the_password_nothing_is_shown(locked, path, given):
    headers = {} if given is None else basic(*given)
    for method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS"):
        answer = send(locked, method, path, headers=headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert b"tud" not in answer.body
        if given is not None:
            break  # more would be throttled


def test_with_the_password_it_reads_and_still_does_not_write(locked):
    own = basic("hpo", SECRET)
    assert send(locked, "GET", "/api/studies", headers=own).json == {"study_summaries": []}
    assert send(locked, "POST", "/api/studies", headers=own | JSON, body=NOTE).status == 403


def test_guessing_is_throttled_and_then_the_right_password_waits_too(locked):
    for _ in range(FREE_ATTEMPTS):
        assert send(locked, "GET", "/", headers=basic("hpo", "a guess")).status == 401
    answer = send(locked, "GET", "/", headers=basic("hpo", SECRET))
    assert answer.status == 429
    assert answer.headers["Retry-After"] == "1"
    assert "wrong passwords" in answer.reason
    assert send(locked, "GET", "/").status == 401  # who gives none is asked for one


def test_after_the_wait_the_right_password_opens():
    now = [0.0]
    gate = Gate(_app, Access(credentials=Credentials.of("hpo", SECRET)), Throttle(lambda: now[0]))
    for _ in range(FREE_ATTEMPTS):
        assert _ask(gate, "a guess") == "401 Unauthorized"
    assert _ask(gate, SECRET) == "429 Too Many Requests"
    now[0] = 1.0
    assert _ask(gate, SECRET) == "200 OK"


def test_the_application_behind_never_sees_the_password():
    gate = Gate(_app, Access(credentials=Credentials.of("hpo", SECRET)))
    assert _ask(gate, SECRET) == "200 OK"


def _app(environ, start_response):
    assert "HTTP_AUTHORIZATION" not in environ
    start_response("200 OK", [])
    return [b""]


def _ask(gate, password):
    said = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/api/studies",
        "HTTP_HOST": "localhost",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_AUTHORIZATION": basic("hpo", password)["Authorization"],
    }
    list(gate(environ, lambda status, _: said.append(status)))
    return said[0]


def test_a_large_body_that_is_refused_still_gets_its_answer(locked):
    answer = send(locked, "POST", "/api/artifacts/1/1", headers=JSON, body=b"x" * 500_000)
    assert answer.status == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "gpu1"])
def test_beyond_this_machine_there_must_be_a_password_writing_or_not(host):
    for allow_write in (False, True):
        with pytest.raises(DashboardError, match=rf"{host} can be reached.*{PASSWORD}") as raised:
            access_for(host, {}, allow_write=allow_write, host_names=())
        assert "\n" not in str(raised.value)
    access = access_for(host, {PASSWORD: SECRET}, allow_write=True, host_names=())
    assert access.credentials is not None


def test_on_loopback_a_password_is_asked_for_where_there_is_one():
    assert access_for("127.0.0.1", {}, allow_write=True, host_names=()).credentials is None
    given = access_for("127.0.0.1", {PASSWORD: SECRET}, allow_write=False, host_names=())
    assert given.credentials is not None
