"""A model hub of one model on this machine, which tells what was fetched from it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

NOT_FOUND = {"X-Error-Code": "RepoNotFound"}


@dataclass
class FakeHub:
    """The one model's files, and the names of those that were asked for."""

    name: str = "team/kobart"
    commit: str = "0123456789abcdef0123456789abcdef01234567"
    files: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    def put(self, folder: Path) -> None:
        """Offer the folder's files, each as it is."""
        self.files = {path.name: path.read_bytes() for path in folder.iterdir()}

    def answer(self, path: str) -> tuple[dict[str, str], bytes] | None:
        """Return the headers and the body for a path; None where there is nothing."""
        api, files = f"/api/models/{self.name}", f"/{self.name}/resolve/{self.commit}/"
        if path.startswith(f"{api}/tree/"):
            listed = [
                {"type": "file", "path": name, "size": len(body), "oid": sha1(body).hexdigest()}
                for name, body in self.files.items()
            ]
            return {}, json.dumps(listed).encode()
        if path.startswith(api):
            return {}, json.dumps({"id": self.name, "sha": self.commit}).encode()
        body = self.files.get(path.removeprefix(files))
        if body is None:
            return None
        return {"ETag": f'"{sha1(body).hexdigest()}"', "X-Repo-Commit": self.commit}, body


@contextmanager
def serving() -> Iterator[tuple[FakeHub, str]]:
    """Serve a hub that has nothing yet; yields it with its URL."""
    hub = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            found = hub.answer(path)
            self.send_response(200 if found else 404)
            headers, body = found or (NOT_FOUND, b"")
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                if "/resolve/" in path:  # noted first: once it has the body, the client goes on
                    hub.fetched.append(path.rpartition("/")[2])
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield hub, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
