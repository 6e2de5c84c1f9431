"""A trained model as a W&B artifact: `hpo train --artifact`.

The model is on disk before W&B hears of it, and W&B is read from there, not from a copy. Where the
server cannot be reached, the artifact goes into an offline run that `wandb sync` sends later.
"""

import json
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wandb

from config.load import to_mapping
from config.schema import Configuration
from hpo.errors import HpoError
from hpo.hiding import hide
from hpo.pinned import installed
from hpo.run_names import run_name
from hpo.trial_info import shareable
from hpo.wandb_cache import cache_beside
from hpo.wandb_files import CUT_OFF, wait_until_whole
from hpo.wandb_mode import Wire
from hpo.wandb_remote import first_line
from hpo.wandb_run import Target, exit_hooks_kept, run_settings, shut_down
from trainer.scores import SCORES_FILE

MODEL_FILES = (
    "config.json",
    "generation_config.json",
    "model*.safetensors*",
    "*token*.json",
    "settings.yaml",
    SCORES_FILE,
)
UPLOAD_S = 1800
SHUT_DOWN_S = 5
NAME_CHARACTERS = 128  # W&B's limit
LEFT_OUT = ("checkpoint",)  # a place on the machine that trained the trial

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Logged:
    """Where the artifact went; `file` is the offline run that holds it, None online."""

    name: str
    file: Path | None


def log_model(config: Configuration, model: Path, *, data_fingerprint: str, wire: Wire) -> Logged:
    """Log the model in a folder as an artifact; HpoError where not even offline will do.

    Of a model that the server does not take, an offline run is left in the folder.
    """
    logging.getLogger("wandb").setLevel(logging.CRITICAL)  # what fails is told in our words
    metadata = model_metadata(config, model, data_fingerprint=data_fingerprint)
    name = _artifact_name(config)
    try:
        if wire == "online":
            try:
                return _logged(config, model, name, metadata, wire=wire)
            except Exception as error:  # noqa: BLE001  # whatever wandb and its service raise
                reason = first_line(error)
                log.warning("W&B did not take the model (%s): writing an offline run", reason)
        return _logged(config, model, name, metadata, wire="offline")
    except Exception as error:  # a full disk, wandb's service
        raise HpoError(
            f"the model is whole in {model}, but W&B could not log it: {first_line(error)}"
        ) from error
    finally:
        shut_down(SHUT_DOWN_S)


def model_metadata(config: Configuration, model: Path, *, data_fingerprint: str) -> dict[str, Any]:
    """What the artifact says of the model, without secrets and without places on this machine."""
    provenance = dict(config.provenance or {})
    scores = json.loads((model / SCORES_FILE).read_text(encoding="utf-8"))
    settings = shareable({**to_mapping(config), "provenance": None})
    told = {
        "configuration": settings,
        "provenance": {k: v for k, v in provenance.items() if k not in LEFT_OUT},
        "metric": scores["metric"],
        "value": scores["value"],
        "epoch": scores["best"]["epoch"] if scores["best"] else scores["training"]["epochs"],
        "trained_on": scores.get("trained_on", "train"),
        "data_fingerprint": data_fingerprint,
        "versions": installed(),
    }
    hidden: dict[str, Any] = _hidden(told)
    return hidden


def model_files(folder: Path) -> list[Path]:
    """The model's own files in a folder, which may hold others beside."""
    found = {path for pattern in MODEL_FILES for path in folder.glob(pattern) if path.is_file()}
    return sorted(found)


def _logged(
    config: Configuration, model: Path, name: str, metadata: Mapping[str, Any], *, wire: Wire
) -> Logged:
    target = Target.of(config, model)
    cache_beside(target.folder)
    with exit_hooks_kept():
        run = wandb.init(
            project=target.project,
            entity=target.entity,
            group=metadata["provenance"].get("study"),
            job_type="train",
            name=run_name(config),
            tags=target.tags,
            notes=target.notes,
            config={**metadata["configuration"], "provenance": metadata["provenance"]},
            dir=str(target.folder),
            mode=wire,
            reinit="create_new",
            settings=run_settings(),
        )
    try:
        artifact = wandb.Artifact(name, type="model", metadata=dict(metadata))
        for path in model_files(model):
            # as it lies there: a copy of a large model would fill the home folder
            artifact.add_file(str(path.resolve()), policy="immutable", skip_cache=True)
        logged = run.log_artifact(artifact)
        if wire == "online":
            logged.wait(timeout=UPLOAD_S)
        run.summary.update({"value": metadata["value"], "epoch": metadata["epoch"]})
        run.finish()
    except BaseException:
        with suppress(Exception):
            run.finish(exit_code=1)
        raise
    if wire == "online":
        return Logged(name, None)
    file = wait_until_whole(model, run.id)
    if file is None:
        raise OSError(CUT_OFF)
    return Logged(name, file)


def _artifact_name(config: Configuration) -> str:
    """W&B takes letters, digits, dots, dashes and underscores."""
    provenance = config.provenance or {}
    parts = [run_name(config)]
    if "study" in provenance and "trial" in provenance:
        parts += [str(provenance["study"]), f"trial{provenance['trial']}"]
    return re.sub(r"[^\w.-]+", "-", "_".join(parts), flags=re.ASCII)[:NAME_CHARACTERS]


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {hide(str(key)): _hidden(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(each) for each in value]
    return value
