"""One worker's share of a card that several workers use, told to it in an environment variable."""

import json
from collections.abc import MutableMapping
from dataclasses import asdict, dataclass
from typing import Self

VARIABLE = "HPO_CARD_SHARE"


@dataclass(frozen=True)
class Share:
    """One of `workers` equal shares; `lock` is the file by which they agree who has the card."""

    workers: int
    lock: str

    def as_environment(self) -> dict[str, str]:
        """Give the environment variable for a worker."""
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def take(cls, environ: MutableMapping[str, str]) -> Self | None:
        """Read it, and remove it; None for a worker that has a card to itself."""
        given = environ.pop(VARIABLE, None)
        return None if given is None else cls(**json.loads(given))
