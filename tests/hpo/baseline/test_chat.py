"""One question to a real server: what each of its answers means."""

import socket
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from chat_server import ChatServer, Fault, chat_server

from hpo.baseline.chat import Answer, Failing, Refused, ask
from hpo.baseline.endpoint import Endpoint

SECRET = "sk-very-secret-0123456789"
BODY = {"model": "m", "messages": [{"role": "user", "content": "대화:\n안녕\n요약:"}]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.setenv("HPO_BASELINE_KEY", SECRET)
    with chat_server() as server:
        yield server


def put(server: ChatServer, *faults: Fault, timeout_s: float = 20.0) -> Answer:
    server.faults.extend(faults)
    endpoint = Endpoint.of(server.url, {"HPO_BASELINE_KEY": SECRET})
    return ask(endpoint, BODY, timeout_s=timeout_s)


def test_an_answer_comes_with_its_tokens_and_the_key_as_a_header(server: ChatServer) -> None:
    assert put(server) == Answer("안녕", 100, 7, "stop")
    assert server.asked == [BODY]
    assert server.headers[0]["Authorization"] == f"Bearer {SECRET}"


def test_without_a_count_and_without_a_key_it_answers_too(server: ChatServer) -> None:
    server.usage = False
    found = ask(Endpoint.of(server.url, {}), BODY, timeout_s=20.0)
    assert found == Answer("안녕", None, None, "stop")
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_final_and_tells_what_the_server_says(server: ChatServer, status: int) -> None:
    with pytest.raises(Refused, match=rf"refuses \(status {status}\): no such model"):
        put(server, Fault(status, words="no such\n model"))


def test_an_account_without_money_is_a_refusal(server: ChatServer) -> None:
    words = '{"error": {"code": "insufficient_quota"}}'
    with pytest.raises(Refused, match="insufficient_quota"):
        put(server, Fault(429, words=words))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_what_may_pass_is_told_apart(server: ChatServer, status: int) -> None:
    with pytest.raises(Failing, match=f"status {status}") as caught:
        put(server, Fault(status))
    assert caught.value.wait_s is None


def test_how_long_to_wait_is_seconds_or_a_date(server: ChatServer) -> None:
    for header, least, most in (("7", 7, 7), (formatdate(usegmt=True), 0, 0), ("soon", None, None)):
        with pytest.raises(Failing) as caught:
            put(server, Fault(429, headers={"Retry-After": header}))
        wait_s = caught.value.wait_s
        assert wait_s is None if least is None else least <= wait_s <= most


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("garbage", "no chat completion: '<html>upstream error</html>'"),
        ("stream", "no chat completion: 'data:"),
        ("empty", "no chat completion"),
        ("no_choices", "no chat completion"),
        ("cut", "no chat completion"),
        ("close", "cannot be reached or broke off"),
    ],
)
def test_nonsense_may_pass(server: ChatServer, kind: str, says: str) -> None:
    with pytest.raises(Failing, match=says):
        put(server, Fault(kind=kind))


@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_an_answer_that_does_not_come_to_an_end_is_given_up(server: ChatServer, kind: str) -> None:
    with pytest.raises(Failing, match="does not answer in time; --timeout"):
        put(server, Fault(kind=kind), timeout_s=0.4)


def test_a_server_that_is_not_there_may_come() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(Failing, match="cannot be reached"):
            ask(Endpoint.of(url, {}), BODY, timeout_s=5.0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_follows_a_redirect(server: ChatServer, status: int) -> None:
    with chat_server() as elsewhere:
        fault = Fault(status, headers={"Location": f"{elsewhere.url}/chat/completions"})
        with pytest.raises(Refused, match="sends elsewhere"):
            put(server, fault)
        assert elsewhere.asked == []


def test_a_server_that_repeats_the_key_makes_nobody_show_it(
    server: ChatServer, tmp_path: Path
) -> None:
    for fault in (Fault(401, words=f"bad key {SECRET}"), Fault(200, words=f"{SECRET}")):
        with pytest.raises((Refused, Failing)) as caught:
            put(server, fault)
        assert SECRET not in str(caught.value)
        assert "***" in str(caught.value)
    echo = {"messages": [{"role": "user", "content": f"대화:\n{SECRET}\n"}]}
    endpoint = Endpoint.of(server.url, {"HPO_BASELINE_KEY": SECRET})
    assert ask(endpoint, echo, timeout_s=20.0).text == "***"
