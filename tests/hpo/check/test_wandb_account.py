"""W&B's line: mode, key and project; the key stands in no line, and nothing is sent."""

import socket
import threading
from collections.abc import Iterator, Mapping

import pytest

from hpo.check.wandb_account import wandb_finding

KEY = "deadbeef0123456789abcdefdeadbeefmark3d00"
KEPT = {"HOME": "/nowhere", "NETRC": "/dev/null"}


def finding(configured: str, *, project: str = "p", **environ: str):
    found = wandb_finding(configured, {**KEPT, **environ}, project=project, entity="team")
    assert KEY not in found.text + found.mend
    return found


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    """A server that only listens, and what it was sent."""
    sent: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def listen() -> None:
            connection, _ = listening.accept()
            with connection:
                sent.append(connection.recv(1))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", sent
        thread.join(5)


@pytest.mark.parametrize(
    ("configured", "environ", "level", "says"),
    [
        ("disabled", {}, "ok", "disabled (as configured)"),
        ("auto", {"WANDB_MODE": "disabled"}, "ok", "disabled (as WANDB_MODE says)"),
        ("disabled", {"WANDB_MODE": "offline"}, "ok", "offline (as WANDB_MODE says): team/p"),
        ("offline", {"WANDB_API_KEY": KEY}, "ok", "offline (as configured): team/p"),
        ("auto", {}, "ok", "offline (no key here): team/p"),
        ("online", {}, "warning", "there is no key"),
        ("auto", {"WANDB_MODE": "online"}, "warning", "there is no key"),
        ("auto", {"WANDB_API_KEY": "short"}, "warning", "too short"),
    ],
)
def test_the_mode_is_a_workers(
    configured: str, environ: Mapping[str, str], level: str, says: str
) -> None:
    found = finding(configured, WANDB_BASE_URL="http://127.0.0.1:9", **environ)
    assert (found.level, says in found.text) == (level, True), found


def test_a_server_that_answers_is_sent_nothing(server: tuple[str, list[bytes]]) -> None:
    url, sent = server
    found = finding("auto", WANDB_API_KEY=KEY, WANDB_BASE_URL=url)
    assert (found.level, found.mend) == ("ok", "")
    assert "key found, project team/p" in found.text
    for thread in threading.enumerate():
        if thread.name.startswith("Thread-") and thread.daemon:
            thread.join(5)
    assert sent == [b""]


def test_a_server_that_is_away_is_a_warning() -> None:
    found = finding("online", WANDB_API_KEY=KEY, WANDB_BASE_URL="http://127.0.0.1:9")
    assert found.level == "warning"
    assert "does not answer: Connection refused" in found.text


@pytest.mark.parametrize("project", ["a/b", "a#b", "a?b", "x" * 129])
def test_a_project_that_wandb_refuses_is_a_failure(project: str) -> None:
    assert finding("offline", project=project).level == "failure"
