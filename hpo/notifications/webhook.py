"""Where messages go, and in which form: Slack's, Discord's, or plain JSON.

The URL lets anybody write to the channel, so it is a secret: it comes from the environment alone
and stands in no message of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import SplitResult, urlsplit

from hpo.errors import WrongInput

VARIABLE = "HPO_WEBHOOK"
FORM_VARIABLE = "HPO_WEBHOOK_FORM"
FORMS = ("slack", "discord", "json")
SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
DISCORD_HOSTS = ("discord.com", "discordapp.com")
MOST_CHARACTERS = 1900  # Discord refuses more than 2,000

Form = Literal["slack", "discord", "json"]


@dataclass(frozen=True)
class Message:
    """What is said: a text for people, and the same as data."""

    study: str
    text: str
    news: Mapping[str, Any]


@dataclass(frozen=True)
class Webhook:
    """A receiver of messages."""

    url: SplitResult = field(repr=False)
    form: Form


def webhook_of(environ: Mapping[str, str]) -> Webhook | None:
    """The receiver that the environment names; None where there is none.

    Raises WrongInput, without the URL, for what cannot be one.
    """
    text = environ.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        url = urlsplit(text)
        good = url.scheme in {"http", "https"} and url.hostname and url.port != 0
    except ValueError:
        good = False
    if not good or not text.isascii() or not text.isprintable() or " " in text:
        raise WrongInput(
            f"{VARIABLE} is no web address; write https://HOST/PATH as Slack or Discord gives it,"
            " or unset it"
        )
    asked = environ.get(FORM_VARIABLE, "").strip().lower()
    if asked and asked not in FORMS:
        raise WrongInput(f"{FORM_VARIABLE} is {asked!r}; write one of {', '.join(FORMS)}")
    return Webhook(url, cast("Form", asked) if asked else _form_of(url))


def payload(message: Message, form: Form) -> dict[str, object]:
    """The body of a message; nobody is called by a name that stands in it."""
    text = message.text[:MOST_CHARACTERS]
    if form == "slack":
        for plain, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(plain, escaped)
        return {"text": text}
    if form == "discord":
        return {"content": text, "allowed_mentions": {"parse": []}}
    return {"study": message.study, "text": text, "news": dict(message.news)}


def _form_of(url: SplitResult) -> Form:
    host = url.hostname or ""
    if host in SLACK_HOSTS or url.path.endswith("/slack"):  # Discord takes Slack's form there
        return "slack"
    if host in DISCORD_HOSTS or host.endswith(tuple(f".{name}" for name in DISCORD_HOSTS)):
        return "discord"
    return "json"
