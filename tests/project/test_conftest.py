"""What the shared fixtures promise to every other test."""

import asyncio
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import psycopg
import pytest


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_connections_to_other_machines_are_refused(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as connection, pytest.raises(RuntimeError, match="no test may use"):
        connection.connect((host, 80))


def test_datagrams_to_other_machines_are_refused():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        pytest.raises(RuntimeError, match="no test may use"),
    ):
        sender.sendto(b"x", ("192.0.2.1", 9))


def test_names_of_other_machines_are_not_looked_up():
    with pytest.raises(RuntimeError, match="no test may use"):
        socket.create_connection(("example.org", 80))


def test_asyncio_is_refused_too():
    with pytest.raises(RuntimeError, match="no test may use"):
        asyncio.run(asyncio.open_connection("192.0.2.1", 80))


def test_urllib_finds_only_the_dead_proxy():
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen("http://example.org", timeout=5)


def test_loopback_is_open():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert client.getpeername() == server.getsockname()


def test_unix_sockets_are_open(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path has room for 107 bytes
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("s")
        server.listen()
        client.connect("s")


def test_the_users_own_settings_are_gone():
    left = [name for name in os.environ if name.startswith(("HPO_", "PG", "WANDB_API"))]
    assert left == []
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert os.environ["WANDB_MODE"] == "offline"


def test_each_test_has_an_empty_database_of_its_own(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
        connection.execute("CREATE TABLE mine (id int)")
    assert tables == (0,)


def test_the_one_before_left_nothing(postgres_url):
    with psycopg.connect(postgres_url) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM mine")


def test_the_server_does_not_speak_utc_by_itself(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SHOW timezone").fetchone() == ("Asia/Seoul",)


def test_a_child_process_reaches_the_database(postgres_url):
    code = (
        "import psycopg, sys; print(psycopg.connect(sys.argv[1]).execute('SELECT 42').fetchone())"
    )
    child = subprocess.run(
        [sys.executable, "-c", code, postgres_url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert child.stdout.strip() == "(42,)"


def test_contract_tests_run_on_both_databases(database_url, request):
    assert database_url.startswith(request.node.callspec.params["database_url"] + "://")
    if database_url.startswith("sqlite"):
        assert Path(database_url.removeprefix("sqlite:///")).parent.is_dir()


def test_cards_are_hidden_from_tests_that_are_not_for_them():
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.gpu
def test_gpu_tests_run_only_where_cuda_is():
    import torch

    assert torch.ones(2, device="cuda").sum().item() == 2
