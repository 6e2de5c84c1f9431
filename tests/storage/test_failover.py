"""Servers that are there and take no writes: set so, full, or no longer the primary.

A real standby follows a real primary and is promoted while calls are made.
"""

import logging
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import quote

import optuna
import psycopg
import pytest
from own_server import own_server
from worker_calls import PATIENT, Calls

from storage.connect import connect
from storage.errors import ReadOnly, ServerFailed
from storage.url import StorageURL

READ_ONLY_S = 3.0
READS = {"connect", "read", "lock"}
DISK = "64m"


@pytest.fixture(scope="module")
def server():
    with own_server() as started:
        yield started


@pytest.fixture
def database(server):
    with connect(server.url, patience=PATIENT) as opened:
        yield opened
        for summary in optuna.get_all_study_summaries(opened.storage):
            opened.storage.delete_study(summary._study_id)


@pytest.fixture
def pair():
    """A primary with a standby that has each commit before its client is told; URL of both."""
    with own_server() as primary, primary.standby() as standby:
        primary.alter("SET synchronous_standby_names = '*'")
        hosts = ",".join(quote(str(one.folder / "data")) for one in (primary, standby))
        text = f"postgresql://postgres@/postgres?host={hosts}&target_session_attrs=read-write"
        yield primary, standby, StorageURL.parse(text)


def make_all(pool, calls):
    return {name: pool.submit(call) for name, call in calls.all().items()}


def test_every_call_outlasts_a_server_that_was_set_read_only(server, database, caplog):
    calls = Calls(database)
    with ThreadPoolExecutor(20) as pool, caplog.at_level(logging.WARNING, "storage"):
        with server.read_only():
            made = make_all(pool, calls)
            time.sleep(READ_ONLY_S)
            assert {name for name, call in made.items() if call.done()} <= READS
        calls.check({name: call.result() for name, call in made.items()})
    begins, ends = [record.message for record in caplog.records if record.name == "storage.retry"]
    assert "takes no writes: it is a standby, or was set read-only" in begins
    assert begins.endswith("; asking again for up to 120 s")
    assert "answers again, after" in ends


def test_command_says_at_once_that_nothing_is_written(server):
    refused = pytest.raises(ReadOnly, match="name the primary server")
    with connect(server.url) as database, server.read_only(), refused:
        database.storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE], "s")


def test_every_call_outlasts_a_crash_of_the_primary_and_is_done_on_the_new_one(pair):
    primary, standby, url = pair
    with connect(url, patience=PATIENT) as database, ThreadPoolExecutor(20) as pool:
        calls = Calls(database)
        made = make_all(pool, calls)
        primary.crash()
        time.sleep(1.0)  # a standby is not promoted in the moment in which its primary dies
        standby.promote()
        calls.check({name: call.result() for name, call in made.items()})
    primary.start()


def test_calls_leave_a_primary_that_lives_on_without_being_one(pair):
    primary, standby, url = pair
    with connect(url, patience=PATIENT) as database, ThreadPoolExecutor(20) as pool:
        calls = Calls(database)
        primary.alter("SET synchronous_standby_names = ''")  # or its last commits would wait
        with primary.read_only():
            standby.promote()
            made = make_all(pool, calls)
            calls.check({name: call.result() for name, call in made.items()})


@pytest.fixture
def small_tablespace(server, tmp_path_factory):
    """The URL of a database whose tables lie on a disk of a few megabytes."""
    place = server.folder / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "hpo-test", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this user may not mount a file system here: {mounted.stderr.strip()}")
    shutil.chown(place, (server.folder / "data").owner())
    plain = server.url.sqlalchemy.replace("+psycopg", "")
    try:
        with psycopg.connect(plain, autocommit=True) as admin:
            admin.execute(f"CREATE TABLESPACE small LOCATION '{place}'".encode())
            admin.execute("CREATE DATABASE small TABLESPACE small")
        yield place, StorageURL.parse(plain.replace("/postgres?", "/small?"))
        with psycopg.connect(plain, autocommit=True) as admin:
            admin.execute("DROP DATABASE small WITH (FORCE)")
            admin.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_writes_outlast_a_full_disk_of_the_server(small_tablespace):
    place, url = small_tablespace
    with connect(url, patience=PATIENT) as database, ThreadPoolExecutor(1) as pool:
        study = optuna.create_study(storage=database.storage)
        filler = place / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        with connect(url) as hasty, pytest.raises(ServerFailed, match="No space left on device"):
            hasty.storage.set_study_user_attr(study._study_id, "k", "x" * (1 << 20))
        written = pool.submit(study.set_user_attr, "k", "x" * (1 << 20))
        while database._retry._outage.lasts_s is None:
            time.sleep(0.05)
        filler.unlink()
        written.result()
        assert len(study.user_attrs["k"]) == 1 << 20
