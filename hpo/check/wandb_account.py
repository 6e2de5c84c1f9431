"""Whether there is a W&B key, and a project that W&B takes; nothing is sent, no key is shown."""

import os
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from hpo.check.finding import Finding
from hpo.check.subject import Subject
from hpo.wandb_mode import (
    ENVIRONMENT_MODES,
    check_environment,
    home_folder,
    resolve_mode,
    server,
)

NAME = "wandb"
NOT_IN_PROJECT = "/\\#?%:"  # as W&B's server has it
LONGEST_PROJECT = 128
SHORTEST_KEY = 40
ANSWER_S = 3.0
KEY = "set WANDB_API_KEY or run wandb login"


def look_at_wandb(subject: Subject) -> Finding:
    """Say what a worker here would do. Raises WrongInput for a WANDB_MODE that there is not."""
    config = subject.config
    project = config.wandb.project or config.general.project_name
    check_environment(os.environ, lambda: config.wandb.mode)
    return wandb_finding(config.wandb.mode, os.environ, project=project, entity=config.wandb.entity)


def wandb_finding(
    configured: str, environ: Mapping[str, str], *, project: str, entity: str | None
) -> Finding:
    """Say the mode, the project, and what stands in the way of writing there."""
    wanted = ENVIRONMENT_MODES.get(environ.get("WANDB_MODE", ""), configured)
    mode = resolve_mode("auto" if wanted == "online" else wanted, environ)
    target = f"{entity}/{project}" if entity else project
    if mode == "disabled":
        return Finding(NAME, "ok", f"disabled ({_who_says(environ)}): trials are not mirrored")
    if len(project) > LONGEST_PROJECT or set(NOT_IN_PROJECT) & set(project):
        mend = f"set wandb.project without {' '.join(NOT_IN_PROJECT)}, at most {LONGEST_PROJECT}"
        return Finding(NAME, "failure", f"W&B takes no project called {target!r}", mend)
    if mode == "offline":
        if wanted == "online":
            text = f"online is configured, but there is no key: {target} is written offline"
            return Finding(NAME, "warning", text, KEY)
        why = "no key here" if wanted == "auto" else _who_says(environ)
        return Finding(NAME, "ok", f"offline ({why}): {target}, for wandb sync later")
    return _online(target, environ)


def _who_says(environ: Mapping[str, str]) -> str:
    return "as WANDB_MODE says" if environ.get("WANDB_MODE") else "as configured"


def _online(target: str, environ: Mapping[str, str]) -> Finding:
    host = server(environ, home_folder(environ))
    text = f"online at {urlsplit(host).hostname}, key found, project {target}"
    key = environ.get("WANDB_API_KEY", "")
    if key and len(key) < SHORTEST_KEY:
        return Finding(NAME, "warning", f"{text}; WANDB_API_KEY is too short for a key", KEY)
    silent = _silent(host, environ)
    if silent:
        mend = "trials go on, and are sent once it answers; or wandb.mode offline"
        return Finding(NAME, "warning", f"{text}; the server does not answer: {silent}", mend)
    return Finding(NAME, "ok", text)


def _silent(host: str, environ: Mapping[str, str]) -> str | None:
    """Why no connection to the server can be opened; a proxy, where one is set, is not asked."""
    url = urlsplit(host)
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
    if any(environ.get(name) for name in names) and url.hostname not in {"127.0.0.1", "localhost"}:
        return None
    port = url.port or (80 if url.scheme == "http" else 443)
    try:
        with socket.create_connection((url.hostname or "", port), timeout=ANSWER_S):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__
