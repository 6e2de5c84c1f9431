"""Answers on disk, by the content of the question: a file for each, whole or not there at all."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from hpo.baseline.chat import Answer
from hpo.whole_file import write_whole


@dataclass(frozen=True)
class Answers:
    """The answers in a folder; another endpoint, model or prompt is another question."""

    folder: Path

    def key(self, url: str, body: Mapping[str, Any]) -> str:
        """Return what a question is known by."""
        content = json.dumps([url, body], sort_keys=True, ensure_ascii=False)
        return sha256(content.encode()).hexdigest()

    def find(self, key: str) -> Answer | None:
        """Return the answer that was kept; None where there is none that can be read."""
        try:
            found = Answer(**json.loads(self._path(key).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return found if isinstance(found.text, str) else None

    def keep(self, key: str, answer: Answer) -> None:
        """Keep an answer; raises HpoError where the disk does not take it."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(asdict(answer), ensure_ascii=False) + "\n")

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"
