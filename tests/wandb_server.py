"""A W&B server as far as runs go: what wandb 0.31 asks, kept in memory, answered as W&B does.

History lines have an offset, as in W&B's own file stream; a run that is asked for again is
answered with how many lines it has and the last of them. `fault` makes it answer badly, or not.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

ENTITY = "team"
SLOW_BYTE_S = 0.2

Fault = Literal[401, 403, 404, 429, 500, "hang", "slow", "cut", "garbage"]
"""A status to answer with; or no answer, one byte after another, half of it, or no JSON."""


@dataclass
class ServedRun:
    """What the server holds of a run; `begun` counts how often a worker began or resumed it."""

    fields: dict[str, Any] = field(default_factory=dict)
    lines: dict[int, dict[str, Any]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    preempting: bool = False
    begun: int = 0

    @property
    def state(self) -> str:
        if self.exit_code is None:
            return "running"
        if self.preempting:
            return "preempted"
        return "failed" if self.exit_code else "finished"

    @property
    def config(self) -> dict[str, Any]:
        return {key: entry["value"] for key, entry in json.loads(self.fields["config"]).items()}

    def curve(self, metric: str) -> list[tuple[int, float]]:
        """(step, value) of each history line, in the order of the lines."""
        return [(line["_step"], line[metric]) for _, line in sorted(self.lines.items())]


@dataclass
class WandbServer:
    """The server's address, what it was told, and how it answers from now on: None is well."""

    url: str
    fault: Fault | None = None
    runs: dict[str, ServedRun] = field(default_factory=dict)
    bodies: list[str] = field(default_factory=list)

    def answer(self, path: str, body: str) -> dict[str, Any]:
        self.bodies.append(body)
        asked = json.loads(body)
        if path.endswith("/file_stream"):
            self._take(self.runs[path.split("/")[-2]], asked)
            return {"exitcode": None, "limits": {}}
        answers = {
            "RunResumeStatus": self._resume_status,
            "UpsertBucket": self._upsert,
            "CreateRunFiles": self._files,
            "Viewer": self._viewer,
            "GetDefaultEntity": self._viewer,
            "Run": self._run,
        }
        name = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])
        operation = answers.get(name and name[1], lambda _variables: {})
        return {"data": operation(asked.get("variables", {}))}

    def _take(self, run: ServedRun, streamed: dict[str, Any]) -> None:
        for name, sent in streamed.get("files", {}).items():
            if name == "wandb-history.jsonl":
                numbered = enumerate(sent["content"], sent["offset"])
                run.lines |= {number: json.loads(line) for number, line in numbered}
            elif name == "wandb-summary.json":
                run.summary |= json.loads(sent["content"][-1])
        run.preempting = streamed.get("preempting", run.preempting)
        run.exit_code = streamed.get("exitcode", run.exit_code)

    def _resume_status(self, variables: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.get(variables["name"])
        bucket = None if run is None else self._bucket(variables["name"], run)
        return {"model": {"id": "m", "name": "p", "entity": self._entity(), "bucket": bucket}}

    def _upsert(self, variables: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.setdefault(variables["name"], ServedRun())
        run.fields |= {key: value for key, value in variables.items() if value is not None}
        if variables["groupName"] is not None:
            run.begun += 1
            run.exit_code, run.preempting = None, False
        return {"upsertBucket": {"bucket": self._bucket(variables["name"], run), "inserted": True}}

    def _viewer(self, _variables: dict[str, Any]) -> dict[str, Any]:
        return {"viewer": {"id": "u", "entity": ENTITY, "username": "user", "flags": "{}"}}

    def _run(self, variables: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.get(variables["name"])
        if run is None or variables["project"] != run.fields["project"]:
            return {"project": None}
        return {"project": {"run": self._bucket(variables["name"], run) | {"state": run.state}}}

    def _files(self, variables: dict[str, Any]) -> dict[str, Any]:
        return {"createRunFiles": {"runID": variables["run"], "uploadHeaders": [], "files": []}}

    def _bucket(self, name: str, run: ServedRun) -> dict[str, Any]:
        last = [json.dumps(line) for _, line in sorted(run.lines.items())[-1:]]
        return {
            "id": name,
            "name": name,
            "displayName": run.fields["displayName"],
            "config": run.fields["config"],
            "wandbConfig": json.dumps({"t": 1}),
            "summaryMetrics": json.dumps(run.summary),
            "historyLineCount": len(run.lines),
            "historyTail": json.dumps(last),
            "eventsLineCount": 0,
            "eventsTail": "[]",
            "logLineCount": 0,
            "tags": run.fields.get("tags", []),
            "project": {"id": "p", "name": run.fields["project"], "entity": self._entity()},
        }

    def _entity(self) -> dict[str, str]:
        return {"id": "e", "name": ENTITY}


@contextmanager
def serving() -> Iterator[WandbServer]:
    """A server on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            fault = served.fault
            if fault is None or fault in ("slow", "cut"):
                with lock:
                    answer = json.dumps(served.answer(self.path, body)).encode()
            else:
                answer = b"<html>no JSON</html>" if fault == "garbage" else b'{"error": "no"}'
            if fault == "hang":
                ended.wait()
                self.close_connection = True
                return
            self.send_response(fault if isinstance(fault, int) else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self._write(answer, fault)

        def _write(self, answer: bytes, fault: Fault | None) -> None:
            if fault == "slow":
                for byte in answer:
                    self.wfile.write(bytes((byte,)))
                    if ended.wait(SLOW_BYTE_S):
                        break
            else:
                self.wfile.write(answer[: len(answer) // 2] if fault == "cut" else answer)
            self.close_connection = fault is not None

        def handle(self) -> None:
            with suppress(ConnectionError):  # wandb gave up waiting
                super().handle()

        def log_message(self, *_args: object) -> None:
            pass

    ended = threading.Event()
    lock = threading.Lock()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        served = WandbServer(f"http://127.0.0.1:{http.server_port}")
        threading.Thread(target=http.serve_forever, daemon=True).start()
        try:
            yield served
        finally:
            ended.set()
            http.shutdown()
