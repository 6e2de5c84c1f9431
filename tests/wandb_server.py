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
class ServedArtifact:
    """An artifact as it was told of, the bodies of its files, and whether it was committed."""

    fields: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)
    committed: bool = False


@dataclass
class WandbServer:
    """The server's address, what it was told, and how it answers from now on: None is well."""

    url: str
    fault: Fault | None = None
    runs: dict[str, ServedRun] = field(default_factory=dict)
    bodies: list[str] = field(default_factory=list)
    artifacts: list[ServedArtifact] = field(default_factory=list)

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
            "ArtifactType": lambda _variables: {"project": {"artifact": None}},
            "ArtifactByID": self._artifact,
            "CreateArtifact": self._create_artifact,
            "CreateArtifactManifest": self._manifest,
            "CreateArtifactFiles": self._artifact_files,
            "CommitArtifact": self._commit,
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

    def take_file(self, path: str, body: bytes) -> None:
        """Take a file that was sent to the address that it was given."""
        number, name = path.removeprefix("/upload/").split("/", 1)
        self.artifacts[int(number)].files[name] = body

    def _create_artifact(self, variables: dict[str, Any]) -> dict[str, Any]:
        self.artifacts.append(ServedArtifact(variables["input"]))
        artifact = {"id": str(len(self.artifacts) - 1), "state": "PENDING"}
        return {
            "createArtifact": {
                "artifact": artifact | {"artifactSequence": {"latestArtifact": None}}
            }
        }

    def _manifest(self, variables: dict[str, Any]) -> dict[str, Any]:
        file = {"id": "f", **self._upload(variables["artifactID"], variables["name"])}
        return {"createArtifactManifest": {"artifactManifest": {"id": "m", "file": file}}}

    def _artifact_files(self, variables: dict[str, Any]) -> dict[str, Any]:
        nodes = [
            {
                "storagePath": file["name"],
                "uploadMultipartUrls": None,
                "artifact": {"id": file["artifactID"]},
                **self._upload(file["artifactID"], file["name"]),
            }
            for file in variables["input"]["artifactFiles"]
        ]
        return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}

    def _upload(self, artifact: str, name: str) -> dict[str, Any]:
        return {"uploadUrl": f"{self.url}/upload/{artifact}/{name}", "uploadHeaders": []}

    def _commit(self, variables: dict[str, Any]) -> dict[str, Any]:
        self.artifacts[int(variables["artifactID"])].committed = True
        return {"commitArtifact": {"artifact": {"id": variables["artifactID"], "digest": "d"}}}

    def _artifact(self, variables: dict[str, Any]) -> dict[str, Any]:
        artifact = self.artifacts[int(variables["id"])]
        project = {"id": "p", "internalId": "1", "name": "p", "entity": {"name": ENTITY}}
        told = {
            "__typename": "Artifact",
            "id": variables["id"],
            "artifactSequence": {
                "__typename": "ArtifactSequence",
                "id": "s",
                "name": artifact.fields["artifactCollectionName"],
                "project": project,
            },
            "versionIndex": 0,
            "artifactType": {"name": artifact.fields["artifactTypeName"]},
            "ttlDurationSeconds": 0,
            "ttlIsInherited": True,
            "tags": [],
            "state": "COMMITTED" if artifact.committed else "PENDING",
            "size": sum(map(len, artifact.files.values())),
            "digest": artifact.fields["digest"],
            "digestAlgorithm": artifact.fields["digestAlgorithm"],
            "fileCount": len(artifact.files),
            "createdAt": "2026-01-01T00:00:00Z",
            "aliases": [],
        }
        nothing = ("description", "metadata", "historyStep", "commitHash", "updatedAt")
        return {"artifact": told | dict.fromkeys(nothing)}

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


class _QuietHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with suppress(ConnectionError):  # wandb gave up waiting
            super().handle()

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[WandbServer]:
    """A server on a free port of this machine."""

    class Handler(_QuietHandler):
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

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                served.take_file(self.path, body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _write(self, answer: bytes, fault: Fault | None) -> None:
            if fault == "slow":
                for byte in answer:
                    self.wfile.write(bytes((byte,)))
                    if ended.wait(SLOW_BYTE_S):
                        break
            else:
                self.wfile.write(answer[: len(answer) // 2] if fault == "cut" else answer)
            self.close_connection = fault is not None

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
