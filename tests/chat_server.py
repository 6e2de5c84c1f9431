"""A server with OpenAI's chat form: answers each question by itself, or in one of the bad ways.

A real server on a real port: what a client does about statuses, headers and broken connections is
seen only there. `faults` are used up one question at a time, before any answer.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GARBAGE = "<html>upstream error</html>"
STREAM = 'data: {"choices": [{"delta": {"content": "..."}}]}\n\ndata: [DONE]\n\n'


@dataclass(frozen=True)
class Fault:
    """How a question is answered badly: a status with headers and words, or what `kind` says.

    kind: "hang" until the test ends, "drip" a byte now and then, "cut" after half an answer,
    "close" without a word, "garbage", "stream", "empty" (content null), "no_choices".
    """

    status: int = 200
    kind: str = "status"
    headers: Mapping[str, str] = field(default_factory=dict)
    words: str = ""


@dataclass
class ChatServer:
    """Its address, and every question it was asked, with the headers."""

    url: str
    faults: deque[Fault] = field(default_factory=deque)
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    usage: bool = True
    most_at_once: int = 0
    hang_after: int | None = None
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _now: int = 0

    def begin(self, body: dict[str, Any], headers: Mapping[str, str]) -> Fault | None:
        with self.lock:
            self.asked.append(body)
            self.headers.append(dict(headers))
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            if self.hang_after is not None and len(self.asked) > self.hang_after:
                return Fault(kind="hang")
            return self.faults.popleft() if self.faults else None

    def end(self) -> None:
        with self.lock:
            self._now -= 1

    def answer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The first line of the dialogue that it was asked about, as a summary."""
        text = body["messages"][-1]["content"].split("\n")[1]
        usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
        return {
            "choices": [
                {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            ],
            **({"usage": usage} if self.usage else {}),
        }


class _Handler(BaseHTTPRequestHandler):
    chat: ChatServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fault = self.chat.begin(body, self.headers)
        whole = self.chat.answer(body)
        try:
            with suppress(OSError):  # the client may be gone
                if fault is None:
                    self._send(json.dumps(whole))
                else:
                    self._fail(fault, whole)
        finally:
            self.chat.end()

    def do_GET(self) -> None:
        """Answer whoever followed a redirect as browsers do."""
        self.chat.begin({"method": "GET"}, self.headers)
        self.chat.end()
        self._send("{}")

    def _fail(self, fault: Fault, whole: dict[str, Any]) -> None:
        self.close_connection = True
        texts = {"garbage": GARBAGE, "stream": STREAM, "no_choices": '{"choices": []}'}
        if fault.kind == "status":
            self._send(fault.words, fault.status, fault.headers)
        elif fault.kind in texts:
            self._send(texts[fault.kind])
        elif fault.kind == "empty":
            whole["choices"][0]["message"]["content"] = None
            self._send(json.dumps(whole))
        elif fault.kind == "hang":
            self.chat.over.wait()
        elif fault.kind in {"cut", "drip"}:
            self._begin(10_000)
            self.wfile.write(json.dumps(whole).encode()[:40])
            while fault.kind == "drip" and not self.chat.over.wait(0.05):
                self.wfile.write(b" ")
                self.wfile.flush()

    def _begin(
        self, length: int, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _send(self, text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        raw = text.encode()
        self._begin(len(raw), status, headers)
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """Serve on a port of its own."""

    class Handler(_Handler):
        pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = ChatServer(f"http://127.0.0.1:{http.server_port}/v1")
    Handler.chat = server
    thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        http.shutdown()
        http.server_close()
        thread.join()


def wait_for(condition: Any, seconds: float = 300.0) -> None:
    """Wait until it holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.05)
