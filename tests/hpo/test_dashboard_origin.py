import pytest

from hpo.dashboard_origin import crosses_sites, is_loopback, knows_host

NAMES = frozenset({"gpu1", "hpo.example.org"})


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.3", False),
        ("myhost", False),
        ("localhost.example.org", False),
    ],
)
def test_only_loopback_addresses_count_as_this_machine_alone(host, loopback):
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    "header",
    ["localhost:8080", "LocalHost", "127.0.0.1:8080", "[::1]:9000", "192.168.0.3", "gpu1:8080",
     "hpo.example.org", "HPO.example.org.:443"],
)  # fmt: skip
def test_own_names_and_addresses_are_known_on_any_port(header):
    assert knows_host(header, NAMES)


@pytest.mark.parametrize(
    "header",
    ["", ":8080", "evil.example", "localhost.evil.example", "evil.example:8080",
     "gpu1.evil.example", "127.0.0.1.evil.example", "gpu1@evil.example", "evil.example#gpu1",
     "gpu1/x", "gpu1 evil", "[::1", "0x7f000001", "2130706433", "gpu1,evil.example"],
)  # fmt: skip
def test_a_foreign_name_that_leads_here_is_not_known(header):
    """DNS rebinding: the browser believes to be at evil.example."""
    assert not knows_host(header, NAMES)


@pytest.mark.parametrize(
    ("headers", "crosses"),
    [
        ({}, False),  # curl
        ({"HTTP_SEC_FETCH_SITE": "same-origin"}, False),
        ({"HTTP_SEC_FETCH_SITE": "none"}, False),  # typed in by a person
        ({"HTTP_SEC_FETCH_SITE": "same-site"}, True),  # another port of this machine
        ({"HTTP_SEC_FETCH_SITE": "cross-site"}, True),
        ({"HTTP_SEC_FETCH_SITE": ""}, True),
        ({"HTTP_ORIGIN": "http://gpu1:8080"}, False),
        ({"HTTP_ORIGIN": "https://gpu1:8080"}, False),
        ({"HTTP_ORIGIN": "http://gpu1"}, True),
        ({"HTTP_ORIGIN": "http://evil.example"}, True),
        ({"HTTP_ORIGIN": "null"}, True),
        ({"HTTP_ORIGIN": ""}, True),
        ({"HTTP_ORIGIN": "http://[::1"}, True),
        ({"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_ORIGIN": "http://evil.example"}, True),
    ],
)
def test_a_browser_says_which_site_a_request_is_for(headers, crosses):
    assert crosses_sites({"HTTP_HOST": "gpu1:8080", **headers}) is crosses
