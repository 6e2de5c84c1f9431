"""Receivers: which they are, what they are sent, and what is said when they fail."""

import json
import socket

import pytest
from webhook_server import SECRET, receiving

from hpo.errors import WrongInput
from hpo.hiding import hide
from hpo.notifications import post as posting
from hpo.notifications.post import NotSent, post
from hpo.notifications.webhook import Message, payload, webhook_of

MESSAGE = Message("s", "s: new <best> & @everyone", {"best": {"value": 0.5}})


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://hooks.slack.com/services/T/B/x", "slack"),
        ("https://discord.com/api/webhooks/1/x", "discord"),
        ("https://canary.discord.com/api/webhooks/1/x", "discord"),
        ("https://discordapp.com/api/webhooks/1/x", "discord"),
        ("https://discord.com/api/webhooks/1/x/slack", "slack"),
        ("https://notdiscord.com/api/webhooks/1/x", "json"),
        ("http://127.0.0.1:8000/hook", "json"),
    ],
)
def test_the_form_follows_from_the_address(url: str, form: str) -> None:
    webhook = webhook_of({"HPO_WEBHOOK": url})
    assert webhook is not None
    assert webhook.form == form
    chosen = webhook_of({"HPO_WEBHOOK": url, "HPO_WEBHOOK_FORM": "Discord"})
    assert chosen is not None
    assert chosen.form == "discord"
    assert url not in repr(webhook)


def test_nobody_is_called_by_what_stands_in_a_message() -> None:
    assert payload(MESSAGE, "slack") == {"text": "s: new &lt;best&gt; &amp; @everyone"}
    discord = payload(MESSAGE, "discord")
    assert discord["allowed_mentions"] == {"parse": []}
    assert payload(MESSAGE, "json")["news"] == {"best": {"value": 0.5}}
    long = Message("s", "x" * 5000, {})
    assert len(str(payload(long, "discord")["content"])) < 2000


def test_none_and_empty_are_no_webhook() -> None:
    assert webhook_of({}) is None
    assert webhook_of({"HPO_WEBHOOK": " "}) is None


@pytest.mark.parametrize(
    "url",
    [f"hooks/{SECRET}", f"ftp://h/{SECRET}", f"https:///{SECRET}", f"http://h:99999/{SECRET}",
     f"http://h/a b{SECRET}", f"http://[h/{SECRET}", f"http://한글/{SECRET}"],
)  # fmt: skip
def test_what_cannot_be_one_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(WrongInput, match="HPO_WEBHOOK is no web address") as refused:
        webhook_of({"HPO_WEBHOOK": url})
    assert SECRET not in str(refused.value)
    with pytest.raises(WrongInput, match="HPO_WEBHOOK_FORM is 'teams'; write one of slack"):
        webhook_of({"HPO_WEBHOOK": "http://h/x", "HPO_WEBHOOK_FORM": "teams"})


def test_a_message_arrives() -> None:
    with receiving() as receiver:
        webhook = webhook_of({"HPO_WEBHOOK": receiver.url})
        assert webhook is not None
        post(webhook, MESSAGE, within_s=10)
    assert receiver.bodies == [payload(MESSAGE, "json")]
    assert json.dumps(receiver.bodies)


def test_receivers_that_fail_are_named_without_their_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(posting, "TIMEOUT_S", 0.2)
    with receiving() as receiver:
        webhook = webhook_of({"HPO_WEBHOOK": receiver.url})
        assert webhook is not None
        receiver.status = 500
        with pytest.raises(NotSent, match=r"^it answered 500$"):
            post(webhook, MESSAGE, within_s=10)
        receiver.status = 302  # nobody is sent elsewhere
        with pytest.raises(NotSent, match=r"^it answered 302$"):
            post(webhook, MESSAGE, within_s=10)
        receiver.status = None
        with pytest.raises(NotSent, match=r"said nothing for 0.2 s"):
            post(webhook, MESSAGE, within_s=10)
        came = len(receiver.came)
        with pytest.raises(NotSent, match=r"too long to connect"):
            post(webhook, MESSAGE, within_s=-1)
        assert len(receiver.came) == came  # too late means not at all
    with pytest.raises(NotSent, match=r"^Connection refused$"):
        post(webhook, MESSAGE, within_s=10)


def test_a_receiver_that_talks_nonsense_is_no_receiver() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        webhook = webhook_of({"HPO_WEBHOOK": f"https://127.0.0.1:{port}/{SECRET}"})
        assert webhook is not None
        server.settimeout(5)
        import threading

        def answer() -> None:
            connection, _ = server.accept()
            connection.sendall(b"no TLS here\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(NotSent) as failed:
            post(webhook, MESSAGE, within_s=10)
        thread.join()
    assert SECRET not in str(failed.value)


def test_the_address_and_its_parts_are_hidden_wherever_text_is_written() -> None:
    url = f"https://hooks.slack.com/services/{SECRET}"
    environ = {"HPO_WEBHOOK": url}
    for text in (url, f"url: /services/{SECRET} (refused)", f"key {SECRET.rpartition('/')[2]}"):
        assert "mark3d" not in hide(text, environ)
    assert hide("services of a hook", environ) == "services of a hook"
