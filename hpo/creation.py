"""From a preset or file to a pinned study: load, check, fingerprint the data, pin."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.counting import counted
from config.load import load, override, preset_names
from config.pruners import in_words
from config.schema import Configuration
from config.unused import unused_settings
from hpo import study as studies
from hpo.budget import budget
from hpo.errors import HpoError
from hpo.extension import extend, study_budget
from hpo.opening import choose_study, open_database
from hpo.pinned import check_same
from hpo.places import worker_options
from hpo.pruners import check_pruner, idle_pruner
from hpo.samplers import check_sampler
from storage.budget import Extension
from storage.connect import Database
from storage.errors import NoDatabase
from storage.patience import AT_ONCE, Patience
from trainer.data import DataFiles, fingerprint, locate_data, read_examples


@dataclass(frozen=True)
class Creation:
    """What `create_study` did: `new` is False where the study stood already.

    `extension` None means that its budget was left as it was. `stopped` says why an extension
    lets no trial begin all the same. `warnings`: a line for each thing that is probably not meant.
    `options`: what a worker in this folder has to be told beside the study's name.
    """

    new: bool
    summary: str
    extension: Extension | None = None
    stopped: str | None = None
    warnings: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def create_study(
    database: Database,
    name: str,
    *,
    source: str | None,
    overrides: Sequence[str] = (),
    data: str | None = None,
) -> Creation:
    """Pin a configuration as study `name`, or extend the study that there is to more trials.

    `source` None means the study's own configuration where it exists and there are overrides,
    else the preset of that name. Raises ConfigError for a configuration that cannot work,
    DataError for data that cannot be read, StudyDiffers when the study exists with values that
    differ in more than a higher n_trials.
    """
    exists = studies.exists(database, name)
    if exists and source is None and overrides:
        return _changed(database, name, overrides)
    config, files = _checked(source or _preset_of(database, name), overrides=overrides, data=data)
    found = fingerprint(files)
    extension = extend(database, name, config, data_fingerprint=found) if exists else None
    new = studies.create(database, name, config, data_fingerprint=found)
    general = config.general
    return Creation(
        new,
        describe(config),
        extension,
        _time_over(database, name, extension),
        warnings_of(config, overrides) if new else (),
        worker_options(general.output_dir, general.checkpoint_root, here=Path.cwd()),
    )


def _changed(database: Database, name: str, overrides: Sequence[str]) -> Creation:
    """Lay overrides over the pinned configuration; only a higher n_trials may come of it."""
    pinned = studies.read(database, name)
    config = override(pinned.config, overrides, environ=os.environ, source=f"study {name}")
    extension = extend(database, name, config, data_fingerprint=None)
    check_same(studies.read(database, name), config, None, name=name)
    return Creation(False, describe(config), extension, _time_over(database, name, extension))


def _time_over(database: Database, name: str, extension: Extension | None) -> str | None:
    if extension is None:
        return None
    pinned = studies.read(database, name)
    return study_budget(database, name, pinned).time_over(pinned.config.optuna.timeout)


def prepare_database(
    storage: str,
    name: str | None,
    *,
    source: str | None,
    overrides: Sequence[str] = (),
    data: str | None = None,
    patience: Patience = AT_ONCE,
) -> None:
    """Make the database where there is none, once a study could be put into it.

    What was mistyped must leave nothing behind, not even an empty database. Raises what
    `create_study` would, and NoDatabase where it is not said which study.
    """
    try:
        with open_database(storage, patience=patience):
            return
    except NoDatabase:
        if name is None:
            raise
    studies.check_name(name)
    _checked(source or _preset_named(name), overrides=overrides, data=data)
    with open_database(storage, create=True, patience=patience):
        pass


def ensure_study(
    database: Database,
    name: str | None,
    *,
    source: str | None,
    overrides: Sequence[str] = (),
    data: str | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> str:
    """The name of the study to work on, created first where it does not exist.

    A configuration that is given must be the pinned one; none given takes the study as it is.
    warn: is told of each thing about a new study that is probably not meant.
    """
    chosen = choose_study(database, name)
    if source is None and not overrides and studies.exists(database, chosen):
        return chosen
    config, files = _checked(source or _preset_of(database, chosen), overrides=overrides, data=data)
    if studies.create(database, chosen, config, data_fingerprint=fingerprint(files)):
        for line in warnings_of(config, overrides):
            warn(line)
    return chosen


def warnings_of(config: Configuration, overrides: Sequence[str]) -> tuple[str, ...]:
    """Give a line for each setting that no trial will have, and for a pruner that stops none."""
    idle = idle_pruner(config)
    unused = unused_settings(config, overrides, os.environ)
    return unused if idle is None else (*unused, idle)


def describe(config: Configuration) -> str:
    """One line on what a search will do: trials, parameters, sampler, pruner, metric."""
    allowed = budget(config)
    trials = counted(allowed, "trial")
    if allowed < config.optuna.n_trials:
        trials += " (the search space has no more combinations)"
    options = config.optuna
    parameters = counted(len(options.search_space), "parameter")
    return (
        f"{trials} over {parameters}, {options.sampler.name} sampler,"
        f" {in_words(options.pruner)}, {config.metric.name} ({config.metric.tokenizer})"
    )


def _checked(
    source: str, *, overrides: Sequence[str], data: str | None
) -> tuple[Configuration, DataFiles]:
    config = load(source, overrides=overrides, environ=os.environ)
    check_sampler(config)
    check_pruner(config)
    if data is not None:
        # Kept beside the pin, so that workers on this machine find the data by themselves.
        general = config.general.model_copy(update={"data_path": data})
        config = config.model_copy(update={"general": general})
    files = locate_data(config.general.data_path)
    for path in (files.train, files.dev):
        read_examples(path, need_summary=True)
    return config, files


def _preset_of(database: Database, name: str) -> str:
    if name not in preset_names() and studies.exists(database, name):
        raise HpoError(
            f"study {name!r} exists and its configuration is pinned; leave -o out, or say with"
            " --config what it was made from (hpo create -o optuna.n_trials=N extends it)"
        )
    return _preset_named(name)


def _preset_named(name: str) -> str:
    if name in preset_names():
        return name
    raise HpoError(
        f"study {name!r} does not exist and no preset has that name;"
        f" give --config with a file or one of: {', '.join(preset_names())}"
    )
