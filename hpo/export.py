"""The winner as a configuration that trains again, with where it came from."""

import shlex
from pathlib import Path
from typing import Any

import optuna

from config.load import dump
from config.schema import Configuration
from config.sections import General
from config.space import apply
from hpo import study as studies
from hpo.errors import HpoError
from hpo.pinned import Pinned
from hpo.places import stays_below
from hpo.told_trials import look_for_better_told
from hpo.trial_record import Best
from storage.connect import Database
from storage.leases import Leases

CPU_PRECISIONS = ("bf16", "fp32")


def find_best(database: Database, name: str) -> tuple[Pinned, Best]:
    """The study's pinned configuration and its winner; HpoError before the first."""
    pinned = studies.read(database, name)
    best = pinned.own.best(optuna.load_study(study_name=name, storage=database.storage))
    if best is None:
        told = look_for_better_told(database, name, None)
        has = f"no completed trial that hpo trained; {told}" if told else "no completed trial yet"
        see = "" if told else f"; see: hpo status --study {shlex.quote(name)}"
        raise HpoError(f"study {name!r} has {has}{see}")
    return pinned, best


def from_another_study(database: Database, name: str, best: Best) -> bool:
    """Whether the winner was copied here: the study itself has taken no such trial."""
    study_id = database.storage.get_study_id_from_name(name)
    trial_id = database.storage.get_trial_id_from_study_id_trial_number(study_id, best.number)
    return trial_id not in Leases(database, study_id).leased()


def winning_configuration(name: str, pinned: Pinned, best: Best) -> Configuration:
    """The study's configuration with the trial's parameters, its machine's threads, provenance.

    An output folder outside the one that this runs in becomes the default: the file is for
    `hpo train`, and a database must not name the folder that one writes its cache to.
    On a CPU the number of threads decides the order of sums, hence the last digits of a score:
    it is set to what the trial ran with, and so are the precision, which CPUs differ in, and the
    pieces of batches that did not fit into memory, on which dropout depends.
    """
    settings = apply(pinned.config, best.params)
    general, training = settings.general, settings.training
    if best.machine.get("device") == "cpu":
        general = general.model_copy(update={"cpu_threads": best.machine.get("cpu_threads")})
        if (precision := best.machine.get("precision")) in CPU_PRECISIONS:
            training = training.model_copy(update={"precision": precision})
        sizes = _micro_batches(best)
        if any(size < training.per_device_train_batch_size for size in sizes.values()):
            training = training.model_copy(update={"micro_batches": sizes})
    if not stays_below(Path.cwd(), general.output_dir):
        general = general.model_copy(update={"output_dir": General().output_dir})
    whole = {"general": general, "training": training, "provenance": provenance(name, pinned, best)}
    return settings.model_copy(update=whole)


def _micro_batches(best: Best) -> dict[int, int]:
    """How many examples went through the model at once, by update; empty where nothing says so."""
    kept = best.machine.get("micro_batches")
    if not isinstance(kept, list):
        return {}
    pairs = [
        pair for pair in kept if isinstance(pair, list) and list(map(type, pair)) == [int, int]
    ]
    return {update: size for update, size in pairs if update > 0 and size > 0}


def provenance(name: str, pinned: Pinned, best: Best) -> dict[str, Any]:
    """Where an exported configuration comes from; read by people, ignored by training."""
    return {
        "study": name,
        "trial": best.number,
        "metric": pinned.config.metric.name,
        "value": best.value,
        "epoch": best.epoch,
        "params": dict(best.params),
        "machine": dict(best.machine),
        "checkpoint": best.checkpoint,
        "versions": dict(pinned.versions),
        "data_fingerprint": pinned.data,
    }


def export_yaml(name: str, pinned: Pinned, best: Best) -> str:
    """The text of `hpo best --export`."""
    metric = pinned.config.metric.name
    return dump(
        winning_configuration(name, pinned, best),
        comments=(
            f"trial {best.number} of study {name}: {metric} {best.value:.4f}, epoch {best.epoch:g}",
            "train it again: hpo train --config THIS_FILE --output DIR",
        ),
    )
