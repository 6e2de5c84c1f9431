"""From a model's name to a folder on this machine: a folder as it is, a hub id's files fetched.

The files are fetched in one snapshot before anything is loaded. The libraries' own loading asks the
hub for each file, six times with growing pauses: without a network that is minutes of silence, even
where every file lies in the cache. Here the hub is asked once; where it does not answer, what the
cache has is taken.
"""

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import RepositoryNotFoundError

from config.sample import locate
from trainer.errors import ModelNotFound, first_line

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
ANSWER_S = 10  # a firewall that drops packets would else be waited for: over two minutes


def model_folder(name: str, *, files: Sequence[str], field: str = "model.name") -> Path:
    """Return the folder that a model's name in a configuration means.

    files: which files (names, or patterns with *) to fetch of a model on the Hugging Face hub;
    those already in its cache serve without a network. A file that the model does not have is no
    error. field: where the configuration names it, for messages. Raises ModelNotFound.
    """
    folder = locate(name)
    if folder.is_dir():
        return folder
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelNotFound(f"there is no folder {name}, which {field} gives")
    silence = _why_silent(name)
    try:
        return Path(
            snapshot_download(
                name, allow_patterns=list(files), local_files_only=silence is not None
            )
        )
    except Exception as error:  # an HTTP client's errors, of which no two releases have the same
        raise ModelNotFound(
            f"{field} {name!r} is no folder here, and the Hugging Face hub did not give it: "
            f"{_reason(silence or error)}; check the name and the network, or give a folder"
        ) from error


def _why_silent(name: str) -> Exception | None:
    """Ask the hub for the model; None where it answers with it."""
    try:
        HfApi().model_info(name, timeout=ANSWER_S)
    except Exception as error:  # noqa: BLE001  # as above; whatever it is, the cache may do
        return error
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, RepositoryNotFoundError):
        return "it has no such model, or shows it only to its members"
    return first_line(error)
