import base64
import logging
from urllib.parse import quote

import pytest

from hpo.hiding import HidingFormatter, hide
from storage.url import HIDDEN

MARK = "s3cr3t/+mark %und 김"


@pytest.mark.parametrize(
    "name",
    ["PGPASSWORD", "WANDB_API_KEY", "HF_TOKEN", "HPO_DASHBOARD_PASSWORD", "AWS_SECRET_ACCESS_KEY"],
)
@pytest.mark.parametrize(
    "form",
    [
        str,
        repr,
        quote,
        lambda mark: quote(mark, safe=""),
        lambda mark: base64.b64encode(mark.encode()).decode(),
        lambda mark: base64.b64encode(f"api:{mark}".encode()).decode(),
    ],
)
def test_a_secret_of_the_environment_is_hidden_in_every_form(name, form):
    hidden = hide(f"before <{form(MARK)}> after", {name: MARK})
    assert HIDDEN in hidden
    assert MARK not in hidden
    assert form(MARK).strip("'=") not in hidden
    assert hidden.startswith("before <")
    assert hidden.endswith("> after")


def test_the_password_of_the_storage_url_is_hidden_without_its_url():
    environ = {"HPO_STORAGE": "postgresql://hpo:marked%2Fword@db/hpo"}
    assert hide("no marked/word, no marked%2Fword", environ) == f"no {HIDDEN}, no {HIDDEN}"


def test_passwords_in_other_urls_are_hidden_too():
    assert hide("postgresql://u:pw1234@h/d", {}) == f"postgresql://u:{HIDDEN}@h/d"


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"TOKENIZERS_PARALLELISM": "false", "PWD": "/work/here"}, "false /work/here"),
        ({"PGPASSWORD": ""}, "nothing"),
        ({"PGPASSWORD": "on"}, "on and on"),
        ({"PGPASSWORD": "word"}, "words of a sword"),
        ({"HPO_DASHBOARD_PASSWORD_FILE": "/run/secrets/x"}, "see /run/secrets/x"),
        ({"HPO_STORAGE": "nonsense"}, "nonsense"),
        ({"HPO_STORAGE": "sqlite:///hpo.db"}, "hpo.db"),
    ],
)
def test_what_is_no_secret_stays(environ, text):
    assert hide(text, environ) == text


def test_a_short_password_is_hidden_as_a_word():
    assert hide("the word is word.", {"PGPASSWORD": "word"}) == f"the {HIDDEN} is {HIDDEN}."


def test_logged_tracebacks_are_without_secrets(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", MARK)
    error = RuntimeError(f"connecting with {MARK}")
    crash = (type(error), error, None)
    record = logging.LogRecord("x", logging.WARNING, "f", 1, "tried %s", (MARK,), crash)
    text = HidingFormatter("%(message)s").format(record)
    assert "RuntimeError: connecting" in text
    assert MARK not in text
    assert text.count(HIDDEN) == 2
