"""What a study is pinned with, and who is refused for having something else."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from config.difference import difference
from config.load import to_mapping
from config.schema import Configuration
from hpo.errors import Difference, StudyDiffers, WorkerRefused
from hpo.own_trials import OwnTrials
from storage.budget import Extension

FORMAT = 2
"""Version of the pin; a worker that writes another one is refused."""

FINGERPRINT_SHOWN = 12  # hex digits of a data fingerprint in messages
DIFFERENCES_SHOWN = 6

PACKAGES = ("optuna", "torch", "transformers")
"""Whose versions are pinned; only another major version of optuna is refused."""

LOCAL_FIELDS = ("data_path", "output_dir", "checkpoint_root", "cpu_threads")
"""Fields of `general` that belong to a machine and not to the search; kept beside the pin."""


@dataclass(frozen=True)
class Pinned:
    """What a study holds: configuration, the creator's machine-local values, and its origin.

    `key` is the study's own for life, as no name is: another database may have the same name.
    `folder`: what its folder is called, under the output folder and under the checkpoint root.
    `n_trials` is the number that was pinned; `config` has what `extensions` have made of it.
    """

    config: Configuration
    local: Mapping[str, Any]
    format: int
    versions: Mapping[str, str]
    data: str
    key: str
    folder: str
    n_trials: int
    extensions: tuple[Extension, ...] = ()

    @property
    def own(self) -> OwnTrials:
        """What tells the study's own trials from others."""
        return OwnTrials(self.key)


def installed() -> dict[str, str]:
    """The versions here of the packages whose versions are kept with a study."""
    return {package: version(package) for package in PACKAGES}


def check_format(number: int) -> None:
    """Refuse a pin in another format than ours (WorkerRefused)."""
    if number != FORMAT:
        raise WorkerRefused(
            f"the study has format {number} and this hpo has format {FORMAT};"
            " install the hpo version that made the study, or create a new study"
        )


def check_worker(pinned: Pinned, *, data_fingerprint: str) -> None:
    """Refuse a worker whose format, Optuna or data are not the study's (WorkerRefused)."""
    check_format(pinned.format)
    ours = version("optuna")
    theirs = pinned.versions.get("optuna", "unknown")
    if _major(ours) != _major(theirs):
        raise WorkerRefused(
            f"the study was made with optuna {theirs} and this worker has optuna {ours};"
            f" install optuna {_major(theirs)}.x here, or create a new study"
        )
    if pinned.data != data_fingerprint:
        raise WorkerRefused(
            f"the study was made with data {_short(pinned.data)} and the data here is"
            f" {_short(data_fingerprint)}; point --data at the same train and dev files"
        )


def check_same(pinned: Pinned, config: Configuration, data: str | None, *, name: str) -> None:
    """Refuse another configuration (StudyDiffers) or other data (WorkerRefused; None: unknown).

    The n_trials that the study was created with, or extended to before, is no other one: who
    starts workers with the same command again need not know of an extension.
    """
    before = {pinned.n_trials, *(extension.after for extension in pinned.extensions)}
    if config.optuna.n_trials in before:
        config = with_n_trials(config, pinned.config.optuna.n_trials)
    found = differences(pinned.config, config)
    if found:
        shown = "; ".join(map(str, found[:DIFFERENCES_SHOWN]))
        more = f" and {len(found) - DIFFERENCES_SHOWN} more" * (len(found) > DIFFERENCES_SHOWN)
        raise StudyDiffers(
            f"study {name!r} is pinned with other values ({shown}{more});"
            " use the pinned configuration, or another study name",
            found,
        )
    if data is not None:
        check_worker(pinned, data_fingerprint=data)


def differences(pinned: Configuration, given: Configuration) -> tuple[Difference, ...]:
    """The pinned fields whose values differ, dotted; machine-local fields do not count."""
    ours, theirs = split(pinned)[0], split(given)[0]
    return tuple(Difference(*found) for found in difference(ours, theirs))


def with_n_trials(config: Configuration, n_trials: int) -> Configuration:
    """The configuration with another number of trials."""
    optuna = config.optuna.model_copy(update={"n_trials": n_trials})
    return config.model_copy(update={"optuna": optuna})


def split(config: Configuration) -> tuple[dict[str, object], dict[str, object]]:
    """The part of the configuration that is pinned, and the machine-local part."""
    whole = to_mapping(config)
    general = config.general.model_dump(mode="json")
    local = {field: general.pop(field) for field in LOCAL_FIELDS}
    # Where a file was exported from changes nothing, so it is no part of the search either.
    return {**whole, "general": general, "provenance": None}, local


def _major(number: str) -> str:
    return number.split(".", maxsplit=1)[0]


def _short(fingerprint: str) -> str:
    return fingerprint[:FINGERPRINT_SHOWN]
