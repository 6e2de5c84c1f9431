"""A real HTTP server that takes messages as Slack does, or dies, hangs and refuses."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "T0SECRET/B0SECRET/mark3dw3bh00kmark3d"


@dataclass
class Receiver:
    """What came, with the times at which it came; `status` is answered, None is silence."""

    url: str = ""
    status: int | None = 200
    came: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, body in self.came]

    @property
    def news(self) -> list[dict[str, Any]]:
        return [body["news"] for body in self.bodies]

    @property
    def gaps(self) -> list[float]:
        times = [at for at, _ in self.came]
        return [after - before for before, after in itertools.pairwise(times)]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listen on a free port while the context lasts."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            at = time.monotonic()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.came.append((at, body))
            if receiver.status is None:
                receiver.over.wait(30)
                return
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/services/{SECRET}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
