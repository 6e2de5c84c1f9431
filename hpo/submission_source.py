"""Which model wrote a submission file: kept beside it, for the file itself is handed in as it is.

`submission.csv.source.json` names the models, the test file and the submission's SHA-256, so that a
file that was changed afterwards is not taken for what a model wrote.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from hpo.errors import HpoError
from hpo.whole_file import write_whole

SUFFIX = ".source.json"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """What wrote a file: folders of models, how several were combined, the data, its SHA-256.

    `num_beams` None: as the model was evaluated.
    """

    sha256: str
    models: tuple[str, ...]
    data: str
    combine: str | None = None
    num_beams: int | None = None


def source_file(submission: Path) -> Path:
    """Where a submission's source is kept."""
    return submission.with_name(submission.name + SUFFIX)


def keep_source(
    submission: Path,
    models: Sequence[Path],
    data: Path,
    *,
    combine: str | None = None,
    num_beams: int | None = None,
) -> None:
    """Keep it beside the submission; a disk that is full costs a warning, not the submission."""
    source = Source(
        sha256=fingerprint_of(submission),
        models=tuple(str(model.resolve()) for model in models),
        data=str(data.resolve()),
        combine=combine,
        num_beams=num_beams,
    )
    try:
        text = json.dumps(asdict(source), ensure_ascii=False, indent=2) + "\n"
        write_whole(source_file(submission), text)
    except HpoError as error:
        log.warning("which model wrote %s is not kept: %s", submission, error)


def read_source(submission: Path) -> Source | None:
    """What was kept; None where there is nothing, or nothing of ours."""
    try:
        found = json.loads(source_file(submission).read_text(encoding="utf-8"))
        return Source(
            sha256=str(found["sha256"]),
            models=tuple(str(model) for model in found["models"]),
            data=str(found["data"]),
            combine=None if found.get("combine") is None else str(found["combine"]),
            num_beams=None if found.get("num_beams") is None else int(found["num_beams"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def fingerprint_of(submission: Path) -> str:
    """The file's SHA-256 (hex)."""
    return sha256(submission.read_bytes()).hexdigest()
