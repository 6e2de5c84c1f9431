"""Many questions: nothing twice, so many at once, as patiently as the server asks for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from chat_server import ChatServer, Fault, chat_server

from hpo.baseline import asking
from hpo.baseline.answers import Answers
from hpo.baseline.asking import Asking, Gate
from hpo.baseline.chat import Answer, Failing, Refused
from hpo.baseline.endpoint import Endpoint
from hpo.stop import Stopped, StopRequest

QUICK = stamina.RetryingCaller(
    attempts=3, timeout=None, wait_initial=0.01, wait_max=0.01, wait_jitter=0.0
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.setattr(asking, "_AGAIN", QUICK)
    with chat_server() as server:
        yield server


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the server asked to be left alone, each time; nobody really waits."""
    waits: list[float] = []
    monkeypatch.setattr(Gate, "hold", lambda _, seconds: waits.append(seconds))
    return waits


def questions(*texts: str) -> list[dict[str, Any]]:
    return [
        {"model": "m", "messages": [{"role": "user", "content": f"대화:\n{text}\n"}]}
        for text in texts
    ]


class Asked:
    """Asks a server; `said` is what people saw."""

    def __init__(self, server: ChatServer, folder: Path, concurrency: int = 2) -> None:
        endpoint = Endpoint.of(server.url, {})
        self.asking = Asking(endpoint, Answers(folder), concurrency, timeout_s=20.0)
        self.stop = StopRequest()
        self.said: list[str] = []

    def __call__(self, *texts: str) -> list[str]:
        found = self.asking.ask_all(questions(*texts), stop=self.stop, say=self.said.append)
        return [answer.text for answer in found]


def test_answers_come_in_the_questions_order_and_nothing_is_asked_twice(
    server: ChatServer, tmp_path: Path
) -> None:
    ask = Asked(server, tmp_path)
    assert ask("가", "나", "가", "다") == ["가", "나", "가", "다"]
    assert len(server.asked) == 3
    assert ask("다", "라", "가") == ["다", "라", "가"]
    assert len(server.asked) == 4
    assert ask.said[-1] == "3 questions, 2 answered before, 1 to ask"


def test_no_more_are_asked_at_once_than_was_said(server: ChatServer, tmp_path: Path) -> None:
    Asked(server, tmp_path, concurrency=3)(*map(str, range(30)))
    assert 1 <= server.most_at_once <= 3


def test_a_failure_that_passes_is_asked_again(server: ChatServer, tmp_path: Path) -> None:
    server.faults.extend([Fault(500), Fault(kind="garbage")])
    assert Asked(server, tmp_path, concurrency=1)("가") == ["가"]
    assert len(server.asked) == 3


def test_a_failure_that_stays_ends_the_run_and_keeps_what_was_answered(
    server: ChatServer, tmp_path: Path
) -> None:
    ask = Asked(server, tmp_path, concurrency=1)
    ask("가")
    server.faults.extend([Fault(503)] * 3)
    with pytest.raises(Failing, match="status 503"):
        ask("가", "나", "다")
    assert len(server.asked) == 4  # and 다 was not begun
    assert ask("가", "나", "다") == ["가", "나", "다"]
    assert len(server.asked) == 6


def test_a_refusal_is_not_asked_again(server: ChatServer, tmp_path: Path) -> None:
    server.faults.append(Fault(401))
    with pytest.raises(Refused):
        Asked(server, tmp_path, concurrency=1)("가", "나")
    assert len(server.asked) == 1


def test_waiting_as_asked_is_no_failed_attempt(
    server: ChatServer, tmp_path: Path, held: list[float]
) -> None:
    server.faults.extend([Fault(429, headers={"Retry-After": "2"})] * 9)
    assert Asked(server, tmp_path, concurrency=1)("가") == ["가"]
    assert held == [2.0] * 9


def test_a_wait_that_is_too_long_ends_the_run(
    server: ChatServer, tmp_path: Path, held: list[float]
) -> None:
    server.faults.append(Fault(429, headers={"Retry-After": "3600"}))
    with pytest.raises(Failing, match="asks to wait 3600 s: run this again later"):
        Asked(server, tmp_path, concurrency=1)("가")
    assert held == []
    assert len(server.asked) == 1


def test_a_gate_that_is_held_lets_nobody_through_until_it_opens() -> None:
    stop = StopRequest()
    gate = Gate(stop)
    gate.enter()
    gate.hold(3600)
    gate.hold(0)  # a shorter one does not open it
    stop.set()
    with pytest.raises(Stopped):
        gate.enter()


def test_a_request_to_stop_leaves_what_was_not_begun(server: ChatServer, tmp_path: Path) -> None:
    ask = Asked(server, tmp_path)
    ask.stop.set()
    with pytest.raises(Stopped):
        ask("가", "나")
    assert server.asked == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"text": 3}', '{"words": "가"}'])
def test_an_answer_on_disk_that_is_damaged_is_asked_again(
    server: ChatServer, tmp_path: Path, text: str
) -> None:
    ask = Asked(server, tmp_path)
    ask("가")
    (path,) = tmp_path.glob("*.json")
    path.write_text(text, encoding="utf-8")
    assert ask("가") == ["가"]
    assert len(server.asked) == 2


def test_another_model_or_endpoint_is_another_question(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    one, other = questions("가", "나")
    keys = {answers.key("https://a", one), answers.key("https://b", one)}
    keys |= {answers.key("https://a", other), answers.key("https://a", {**one, "model": "n"})}
    assert len(keys) == 4
    answers.keep(answers.key("https://a", one), Answer("가", 1, 2, "stop"))
    assert answers.find(answers.key("https://a", one)) == Answer("가", 1, 2, "stop")
