"""A whole search with a marked database password and a marked W&B key, which then stand nowhere.

Every way in which a password comes is used once, and things go wrong on purpose. What is left to
the user's eyes only is /proc/PID/environ: docs/security.md says so.
"""

import base64
import json
import os
import shutil
import signal
import socket
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote, quote_plus

import psycopg
import pytest
import wandb_server
from psycopg import sql

PASSWORD = "mark3d/pw%+'x7"
KEY = "deadbeef0123456789abcdefdeadbeefmark3d00"
ROLE = "marked"
RULE = f"local all {ROLE} scram-sha-256\n"
SHORT = ("-o", "optuna.n_trials=3", "-o", "optuna.pruner=none", "-o", "training.num_train_epochs=2")
# Fails the trials of a worker with a text that holds every secret in several forms.
FAILING_FIT = """
import base64, os
if os.environ.get("FAIL_FIT"):
    import hpo.objective
    from urllib.parse import quote
    def fit(*args, **kwargs):
        words = [os.environ["PGPASSWORD"], os.environ["WANDB_API_KEY"]]
        words += [quote(word, safe="") for word in words]
        words += [base64.b64encode(word.encode()).decode() for word in words[:2]]
        raise RuntimeError(f"cannot go on: {words} postgresql://u:{words[0]}@h/d")
    hpo.objective.fit = fit
"""


def forms(secret: str) -> set[bytes]:
    """Every form in which a secret could be lying about."""
    raw = secret.encode()
    texts = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1]}
    found = {text.encode() for text in texts | {json.dumps(secret)[1:-1]}}
    for before in (b"", b"x", b"xx"):  # base64 of a text that the secret is in the middle of
        encoded = base64.b64encode(before + raw)
        found.add(encoded[4 if before else 0 : -4])
    found.add(raw.hex().encode())
    return found


MARKS = forms(PASSWORD) | forms(KEY)


def marks_in(content: bytes | str) -> list[bytes]:
    data = content.encode() if isinstance(content, str) else content
    return [mark for mark in MARKS if mark in data]


@dataclass
class Titles:
    """Watches the command lines of every process of this machine."""

    seen: dict[str, str] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self._over.wait(0.05):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    line = (folder / "cmdline").read_bytes() + (folder / "comm").read_bytes()
                except OSError:
                    continue
                if marks_in(line):
                    self.seen[folder.name] = repr(line)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


@dataclass
class Ways:
    """The storage URL without and with a password, and how else it may come."""

    plain: str
    whole: str
    wrong: str
    nowhere: str
    passfile: str
    servicefile: str


@pytest.fixture
def ways(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    """A database whose owner needs the marked password."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        hba = Path(connection.execute("SHOW hba_file").fetchone()[0])
        if RULE not in hba.read_text():
            hba.write_text(RULE + hba.read_text())
        make = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        connection.execute(make.format(sql.Identifier(ROLE), sql.Literal(PASSWORD)))
        connection.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(sql.Identifier(ROLE)))
        connection.execute("SELECT pg_reload_conf()")
    kept = tmp_path_factory.mktemp("kept")
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    (kept / "pgpass").write_text(f"*:*:*:{ROLE}:{escaped}\n")
    (kept / "pgpass").chmod(0o600)
    (kept / "services").write_text(f"[search]\npassword={PASSWORD}\n")
    here = f"@{postgres_url.partition('@')[2]}"
    yield Ways(
        plain=f"postgresql://{ROLE}{here}",
        whole=f"postgresql://{ROLE}:{quote(PASSWORD, safe='')}{here}",
        wrong=f"postgresql://{ROLE}:{quote('not ' + PASSWORD, safe='')}{here}",
        nowhere=f"postgresql://{ROLE}:{quote(PASSWORD, safe='')}@127.0.0.1:9/d?connect_timeout=2",
        passfile=str(kept / "pgpass"),
        servicefile=str(kept / "services"),
    )
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(ROLE)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(ROLE)))


@pytest.fixture
def home() -> Iterator[Path]:
    """A home and a temporary folder whose every file is looked at; short, for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="hpo-home-"))
    (folder / "tmp").mkdir()
    (folder / "site").mkdir()
    (folder / "site/sitecustomize.py").write_text(FAILING_FIT)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="process titles are read from /proc")
def test_a_search_leaves_its_secrets_nowhere(
    postgres_machine, postgres_url: str, ways: Ways, home: Path, until
) -> None:
    machine = postgres_machine
    python_path = f"{home / 'site'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    base = {
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "PYTHONPATH": python_path,
        "PYTHONFAULTHANDLER": "1",
        "WANDB_API_KEY": KEY,
        "WANDB_SILENT": "false",
        "WANDB_DEBUG": "true",
    }
    by_url = base | {"HPO_STORAGE": ways.whole}
    by_variable = base | {"HPO_STORAGE": ways.plain, "PGPASSWORD": PASSWORD}
    by_passfile = base | {"HPO_STORAGE": ways.plain, "PGPASSFILE": ways.passfile}
    by_service = base | {
        "HPO_STORAGE": ways.plain,
        "PGSERVICE": "search",
        "PGSERVICEFILE": ways.servicefile,
    }
    said: list[str] = []

    def run(*words: str, environ: dict[str, str], status: int = 0) -> str:
        said.append(machine.run(*words, status=status, **environ))
        return said[-1]

    with Titles() as titles, wandb_server.serving() as server:
        run("create", "--study", "s", "--config", "search.yaml", *SHORT, environ=by_url)
        run("status", "--json", environ=base | {"HPO_STORAGE": ways.wrong}, status=1)
        run("status", environ=base | {"HPO_STORAGE": ways.nowhere}, status=1)

        failing = by_variable | {"FAIL_FIT": "1"}
        run("worker", "--study", "s", "--max-trials", "1", environ=failing)

        killed = machine.start("worker", "--study", "s", **by_passfile, HPO_LEASE_S="3")
        until(lambda: any(trial.intermediate_values for trial in machine.trials()))
        killed.send_signal(signal.SIGABRT)
        said.append(killed.communicate(timeout=60)[0])

        online = {"WANDB_MODE": "online", "WANDB_BASE_URL": server.url}
        run("worker", "--study", "s", environ=by_service | online | {"HPO_LEASE_S": "3"})
        assert KEY not in repr(server.__dict__)

        assert '"complete": 2' in run("status", "--json", environ=by_variable)
        run("status", environ=by_passfile)
        run("mirror", "--study", "s", environ=by_variable | {"WANDB_MODE": "offline"})
        run("best", "--json", "--export", "config.yaml", environ=by_service)
        said.extend(looked_at_in_the_dashboard(machine, by_variable, until))
        dump = every_table(postgres_url)
    assert titles.seen == {}

    with_option = machine.start("dashboard", "--port", "0", "--storage", ways.whole, **base)
    # Its own start takes the password out of the process list; see hpo/private_process.py.
    said.append(machine.finish(with_option, status=2))

    run("delete", "--study", "s", "--yes", environ=by_url)
    for text in said:
        assert marks_in(text) == [], text
    assert b"cannot go on" in dump
    assert marks_in(dump) == []
    assert files_with_marks(machine.folder) == []
    assert files_with_marks(home) == []


def looked_at_in_the_dashboard(machine, environ: dict[str, str], until) -> list[str]:
    """What the dashboard answers to whoever looks at every page of the study."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    dashboard = machine.start("dashboard", "--port", str(port), **environ)

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(listens)
    opened = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    answers = [
        opened.open(f"http://127.0.0.1:{port}{path}", timeout=30).read().decode()
        for path in ("/dashboard", "/api/studies", "/api/studies/1", "/csv/1")
    ]
    dashboard.send_signal(signal.SIGTERM)
    return [*answers, machine.finish(dashboard)]


def every_table(url: str) -> bytes:
    """Every row of every table, as PostgreSQL writes them out."""
    rows = b""
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (name,) in tables.fetchall():
            statement = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))
            with connection.cursor().copy(statement) as copied:
                rows += b"".join(bytes(part) for part in copied)
    return rows


def files_with_marks(folder: Path) -> list[tuple[Path, list[bytes]]]:
    """The files under a folder in whose bytes, or names, a secret stands."""
    files = [path for path in folder.rglob("*") if path.is_file() and "site" not in path.parts]
    assert files or folder.name.startswith("hpo-home")
    found = [(path, marks_in(path.read_bytes() + str(path).encode())) for path in files]
    return [(path, marks) for path, marks in found if marks]


def test_the_marks_would_be_found() -> None:
    assert marks_in(f"x {base64.b64encode(f'api:{KEY}'.encode()).decode()} y")
    assert marks_in(base64.b64encode(f"user:{PASSWORD}".encode()))
    assert marks_in(quote(PASSWORD, safe=""))
    assert not marks_in("nothing")
