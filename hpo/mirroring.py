"""A study mirrored to W&B by hand: which W&B it is, and what is told of it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpo import study as studies
from hpo.errors import HpoError
from hpo.places import output_folder
from hpo.wandb_mode import resolve_mode
from storage.connect import Database

if TYPE_CHECKING:  # wandb takes a second to import, and a refusal need not wait for it
    from hpo.wandb_missing import Result


@dataclass(frozen=True)
class Destination:
    """Where runs go; None takes what the study has pinned. `here` is the working folder."""

    project: str | None
    entity: str | None
    output: str | None
    here: Path


@dataclass(frozen=True)
class Told:
    """What became of the trials, and where."""

    where: str
    result: "Result"

    @property
    def failed(self) -> bool:
        """Whether something could not be written."""
        return bool(self.result.failed)

    def __str__(self) -> str:
        """All of it in one line."""
        return f"{self.where}: {self.result}"


def mirror_study(
    database: Database,
    name: str,
    destination: Destination,
    *,
    environ: Mapping[str, str],
    numbers: frozenset[int] | None,
    running: bool,
) -> Told:
    """Write what W&B lacks of the study; HpoError where W&B is switched off or refuses."""
    config = studies.read(database, name).config
    mode = resolve_mode(config.wandb.mode, environ)
    if mode == "disabled":
        raise HpoError(
            f"W&B is switched off for study {name!r}; set WANDB_MODE=online, or offline, for this"
        )
    given = {"project": destination.project, "entity": destination.entity}
    section = config.wandb.model_copy(update={k: v for k, v in given.items() if v is not None})
    folder = output_folder(config.general.output_dir, destination.output, here=destination.here)

    from hpo.wandb_missing import begun_trials, open_shelf, write_missing  # noqa: PLC0415 - see above
    from hpo.wandb_run import Target  # noqa: PLC0415

    begun_trials(database, name, numbers)  # a wrong number must leave no folder behind
    # wandb has its own words for what fails; ours are told.
    logging.getLogger("wandb").setLevel(logging.CRITICAL)
    target = Target.of(config.model_copy(update={"wandb": section}), Path(folder))
    with open_shelf(target, mode) as shelf:
        result = write_missing(database, name, shelf, numbers=numbers, running=running)
    place = target.project if target.entity is None else f"{target.entity}/{target.project}"
    where = f"W&B project {place}" if mode == "online" else f"offline files in {folder}/wandb"
    return Told(where, result)
