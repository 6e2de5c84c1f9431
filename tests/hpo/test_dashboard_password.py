import base64
import threading

import pytest
from dashboard_client import basic

from hpo.dashboard_password import (
    CLIENTS_KEPT,
    FREE_ATTEMPTS,
    PASSWORD,
    PASSWORD_FILE,
    USER,
    Credentials,
    Throttle,
    read_credentials,
)
from hpo.errors import DashboardError

SECRET = "kimchi-jjigae: 김치찌개"


def header(user, password):
    return basic(user, password)["Authorization"]


def test_the_password_comes_from_the_environment():
    credentials = read_credentials({PASSWORD: SECRET})
    assert credentials.match(header("hpo", SECRET))


def test_the_password_comes_from_a_file_without_its_last_line_end(tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    credentials = read_credentials({PASSWORD_FILE: str(file), USER: "team"})
    assert credentials.match(header("team", SECRET))
    assert not credentials.match(header("hpo", SECRET))


@pytest.mark.parametrize("environ", [{}, {PASSWORD: ""}, {PASSWORD: "", PASSWORD_FILE: ""}])
def test_no_password_asks_for_none(environ):
    assert read_credentials(environ) is None


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({PASSWORD: "short"}, "shorter than 12 characters.*openssl"),
        ({PASSWORD: SECRET, PASSWORD_FILE: "/x"}, "both"),
        ({PASSWORD: SECRET, USER: "a:b"}, "colon"),
        ({PASSWORD_FILE: "/nowhere/at all"}, "cannot be read: No such file"),
        ({PASSWORD_FILE: "/etc"}, "cannot be read"),
        ({PASSWORD_FILE: "a\0b"}, "cannot be read"),
    ],
)
def test_what_cannot_be_a_password_is_refused_in_one_line_without_it(environ, why):
    with pytest.raises(DashboardError, match=why) as raised:
        read_credentials(environ)
    assert "\n" not in str(raised.value)
    assert SECRET not in str(raised.value)
    assert "short'" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff"])
def test_a_file_without_a_password_is_refused(tmp_path, content):
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(DashboardError, match=r"is empty|no UTF-8"):
        read_credentials({PASSWORD_FILE: str(tmp_path / "secret")})


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + base64.b64encode(b"hpo").decode(),
        "Basic " + base64.b64encode(b":").decode(),
        "Bearer " + base64.b64encode(f"hpo:{SECRET}".encode()).decode(),
        header("hpo", SECRET + "x"),
        header("hpo", SECRET[:-1]),
        header("hpo", ""),
        header("HPO", SECRET),
        header("", f"hpo:{SECRET}"),
    ],
)
def test_what_is_not_user_and_password_does_not_match(given):
    assert not Credentials.of("hpo", SECRET).match(given)


def test_credentials_are_shown_without_the_password():
    shown = repr(Credentials.of("hpo", SECRET))
    assert SECRET not in shown
    assert "digest" not in shown


class TestThrottle:
    @pytest.fixture
    def clock(self):
        return [0.0]

    @pytest.fixture
    def throttle(self, clock):
        return Throttle(lambda: clock[0])

    def test_the_first_wrong_passwords_cost_nothing(self, throttle):
        for _ in range(FREE_ATTEMPTS - 1):
            throttle.failed("a")
        assert throttle.wait_s("a") == 0

    def test_then_each_costs_twice_the_one_before_up_to_a_minute(self, throttle, clock):
        for _ in range(FREE_ATTEMPTS - 1):
            throttle.failed("a")
        waits = []
        for _ in range(9):
            throttle.failed("a")
            waits.append(throttle.wait_s("a"))
            clock[0] += waits[-1]
            assert throttle.wait_s("a") == 0
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]

    def test_one_addresses_wrong_passwords_are_not_anothers(self, throttle):
        for _ in range(20):
            throttle.failed("a")
        assert throttle.wait_s("b") == 0

    def test_the_right_password_forgives(self, throttle, clock):
        for _ in range(20):
            throttle.failed("a")
        clock[0] += 60
        throttle.succeeded("a")
        throttle.failed("a")
        assert throttle.wait_s("a") == 0

    def test_memory_has_an_end(self, throttle):
        for number in range(CLIENTS_KEPT + 100):
            throttle.failed(str(number))
        assert len(throttle._failures) == CLIENTS_KEPT

    def test_threads_lose_no_failure(self, throttle):
        threads = [
            threading.Thread(target=lambda: [throttle.failed("a") for _ in range(200)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert throttle._failures["a"][0] == 1600
