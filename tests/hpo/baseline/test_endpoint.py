"""Where questions go, and which key may go there."""

import pytest

from hpo.baseline.endpoint import Endpoint
from hpo.errors import WrongInput

SECRET = "sk-very-secret-0123456789"
UPSTAGE = "https://api.upstage.ai/v1"


@pytest.mark.parametrize("given", [UPSTAGE, f"{UPSTAGE}/", f"{UPSTAGE}/chat/completions"])
def test_a_base_and_the_whole_url_are_the_same(given: str) -> None:
    assert Endpoint.of(given, {}) == Endpoint(f"{UPSTAGE}/chat/completions")


@pytest.mark.parametrize(
    ("url", "variable"),
    [
        (UPSTAGE, "UPSTAGE_API_KEY"),
        ("https://api.openai.com/v1", "OPENAI_API_KEY"),
        ("https://api.upstage.ai.example.com/v1", None),
        ("https://notopenai.com/v1", None),
        ("http://127.0.0.1:8000/v1", None),
    ],
)
def test_a_services_key_goes_to_that_service_alone(url: str, variable: str | None) -> None:
    environ = {"UPSTAGE_API_KEY": "up-1234567890", "OPENAI_API_KEY": "sk-1234567890"}
    endpoint = Endpoint.of(url, environ)
    assert endpoint.key_from == variable
    assert endpoint.key == (environ[variable] if variable else None)


def test_our_own_key_goes_where_it_was_said_to() -> None:
    environ = {"HPO_BASELINE_KEY": f"{SECRET}\n", "UPSTAGE_API_KEY": "up-1234567890"}
    for url in (UPSTAGE, "https://models.example.com", "http://localhost:8000/v1"):
        assert Endpoint.of(url, environ).key == SECRET
    assert SECRET not in repr(Endpoint.of(UPSTAGE, environ))


def test_no_key_goes_over_the_network_unencrypted() -> None:
    with pytest.raises(WrongInput, match=r"HPO_BASELINE_KEY would go to gpu\.lan unencrypted"):
        Endpoint.of("http://gpu.lan:8000/v1", {"HPO_BASELINE_KEY": SECRET})
    assert Endpoint.of("http://gpu.lan:8000/v1", {"OPENAI_API_KEY": SECRET}).key is None


@pytest.mark.parametrize(
    "given",
    [
        "api.upstage.ai/v1",
        "ftp://x/v1",
        "https://",
        "https://host:port/v1",
        "https://me:pw123@host/v1",
        "https://host/v1?key=pw123",
        "https://[::1/v1",
    ],
)
def test_what_is_no_endpoint_is_refused_without_showing_secrets(given: str) -> None:
    with pytest.raises(WrongInput) as caught:
        Endpoint.of(given, {})
    assert "pw123" not in str(caught.value)


def test_a_key_that_cannot_be_one_is_refused_and_not_shown() -> None:
    with pytest.raises(WrongInput, match="HPO_BASELINE_KEY holds characters") as caught:
        Endpoint.of(UPSTAGE, {"HPO_BASELINE_KEY": "sk-1\r\nX-Other: 1"})
    assert "sk-1" not in str(caught.value)
