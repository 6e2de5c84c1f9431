"""Requests to a dashboard on loopback as they are on the wire: any method, any header, any path."""

import base64
import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def reason(self):
        return self.json["reason"]


def send(url, method, path, *, headers=None, body=None):
    """One request to the server of `url`; a Host in `headers` replaces the right one."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    headers = headers or {}
    try:
        connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
        given = headers if body is None else {**headers, "Content-Length": str(len(body))}
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def basic(user, password):
    """The Authorization header of a user."""
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}
