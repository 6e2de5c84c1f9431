"""What people wait for: `hpo status`, and the dashboard's first page and polls."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import optuna
import optuna_dashboard
from optuna.storages import BaseStorage, get_storage
from typing_extensions import override

from benchmarks.storage.fill import OURS, STUDY, open_plain
from hpo import status
from hpo.dashboard import running
from storage.connect import connect
from storage.url import StorageURL

STATUS, LIST, FIRST, POLL = "status", "list of studies", "first load", "poll"
PAGES = (STATUS, LIST, FIRST, POLL)
POLL_AFTER_S = 11.0  # optuna-dashboard reads anew after 10 s


@dataclass(frozen=True)
class Pages:
    """Seconds of each page, and how much the first load sends."""

    seconds: dict[str, float]
    megabytes: float


def measure_pages(side: str, url: str, trials: int, *, dashboard_again: bool = True) -> Pages:
    """Open the study as a person does: status, then the dashboard, then a poll for what is new."""
    if side == OURS:
        seconds = {STATUS: _seconds(lambda: _status(url))}
        with (
            connect(StorageURL.parse(url), create=False) as database,
            running(database.storage, host="127.0.0.1", port=0) as page,
        ):
            return _dashboard(page.rpartition("/")[0], seconds, trials, again=dashboard_again)
    seconds = {STATUS: _seconds(lambda: _counts(url))}
    backend = open_plain(url)
    with _plainly(get_storage(backend)) as address:
        return _dashboard(address, seconds, trials, again=dashboard_again)


def _dashboard(address: str, seconds: dict[str, float], trials: int, *, again: bool) -> Pages:
    seconds[LIST] = _seconds(lambda: _get(f"{address}/api/studies"))
    study_id = json.loads(_get(f"{address}/api/studies"))["study_summaries"][0]["study_id"]
    detail = f"{address}/api/studies/{study_id}"
    sizes: list[int] = []
    seconds[FIRST] = _seconds(lambda: sizes.append(len(_get(detail))))
    if again:
        time.sleep(POLL_AFTER_S)
        seconds[POLL] = _seconds(lambda: _get(f"{detail}?after={trials}"))
    return Pages(seconds, sizes[0] / 1e6)


def _status(url: str) -> None:
    with connect(StorageURL.parse(url), create=False) as database:
        status.collect(database, STUDY)


def _counts(url: str) -> None:
    """The nearest that plain Optuna has: all trials read and the best of them found."""
    backend = open_plain(url)
    study = optuna.load_study(study_name=STUDY, storage=backend)
    study.get_trials(deepcopy=False)
    _ = study.best_trial
    backend.remove_session()
    backend.engine.dispose()


class _Quiet(WSGIRequestHandler):
    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _plainly(storage: BaseStorage) -> Iterator[str]:
    with make_server(
        "127.0.0.1", 0, optuna_dashboard.wsgi(storage), handler_class=_Quiet
    ) as server:
        thread = Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=600) as answer:  # noqa: S310 - our own server
        body: bytes = answer.read()
        return body


def _seconds(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began
