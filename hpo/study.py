"""A study with its configuration pinned in it: created once, read by every worker.

The pin is the study's user attributes. They are written under the database's lock, the
configuration last, so that a study either has its whole pin or counts as not pinned.
"""

import secrets
import shlex
import warnings

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.study import StudyDirection

from config.load import from_mapping
from config.schema import Configuration
from config.space import check
from hpo.errors import BadStudyName, NoSuchStudy, NotPinned
from hpo.own_trials import OwnTrials
from hpo.pinned import FORMAT, Pinned, check_format, check_same, installed, split, with_n_trials
from hpo.pruners import check_pruner, make_pruner
from hpo.samplers import check_sampler, make_sampler
from hpo.trial_folder import study_folder
from storage.budget import StudyBudget
from storage.connect import Database

MAX_NAME_LENGTH = 512  # characters; the width of Optuna's column

CONFIG, LOCAL, FORMAT_KEY, VERSIONS, DATA, KEY, OWN_FOLDER = (
    "hpo:config",
    "hpo:local",
    "hpo:format",
    "hpo:versions",
    "hpo:data",
    "hpo:key",
    "hpo:own_folder",  # its folder has its key in the name; older studies have no such attribute
)


def create(database: Database, name: str, config: Configuration, *, data_fingerprint: str) -> bool:
    """Make the study and pin the configuration; False when it stands already with the same one.

    Raises ConfigError or SearchRefused for a configuration that cannot be searched, StudyDiffers
    and WorkerRefused when the study is pinned with another configuration or other data, and
    NotPinned when Optuna made it without hpo.
    """
    check_name(name)
    check(config)
    check_sampler(config)
    check_pruner(config)
    with database.lock(_lock_name(name)):
        study_id = _study_id(database, name)
        if study_id is not None and not _cut_off(database, study_id):
            check_same(_pin_of(database, name, study_id), config, data_fingerprint, name=name)
            return False
        _pin(database, name, config, data_fingerprint)
    return True


def read(database: Database, name: str) -> Pinned:
    """The study's pin; raises NoSuchStudy or NotPinned."""
    study_id = _study_id(database, name)
    if study_id is None:
        raise NoSuchStudy(
            f"no study {name!r} in {database.url}; hpo create --study {shlex.quote(name)} makes it"
        )
    if not _is_pinned(database, study_id):
        with database.lock(_lock_name(name)):  # another process may be pinning it this moment
            return _pin_of(database, name, study_id)
    return _pin_of(database, name, study_id)


def own_trials(database: Database, name: str) -> OwnTrials:
    """The pin's `own`, without a look at the configuration; raises as `read` does."""
    study_id = _study_id(database, name)
    attributes = {} if study_id is None else database.storage.get_study_user_attrs(study_id)
    return OwnTrials(attributes[KEY]) if CONFIG in attributes else read(database, name).own


def delete(database: Database, name: str) -> None:
    """Remove a study with its trials and leases, pinned or not; raises NoSuchStudy."""
    with database.lock(_lock_name(name)):
        study_id = _study_id(database, name)
        if study_id is None:
            raise NoSuchStudy(f"no study {name!r} in {database.url}; see: hpo studies")
        database.storage.delete_study(study_id)


def exists(database: Database, name: str) -> bool:
    """Whether there is a study of that name, pinned or not."""
    return _study_id(database, name) is not None


def open_study(database: Database, name: str, *, worker_seed: int | str) -> optuna.Study:
    """The study with its sampler and pruner, seeded for one worker.

    The seed also depends on how many trials there are, so that a worker that comes back under
    the same `worker_seed` does not draw again what it drew before.
    """
    pinned = read(database, name)
    config, pruner = pinned.config, make_pruner(pinned.config, pinned.own)
    study = optuna.load_study(study_name=name, storage=database.storage, pruner=pruner)
    begun = len(study.get_trials(deepcopy=False))
    study.sampler = make_sampler(config, worker_seed=f"{worker_seed}/{begun}")
    return study


def check_name(name: str) -> None:
    """Refuse a name that is empty, too long for the database, or cannot be printed."""
    if not name.strip():
        raise BadStudyName("the study's name is empty; give one with --study")
    if len(name) > MAX_NAME_LENGTH:
        raise BadStudyName(
            f"the study's name has {len(name)} characters; use at most {MAX_NAME_LENGTH}"
        )
    if not name.isprintable():
        raise BadStudyName(
            f"the study's name {name!r} has characters that cannot be printed; leave them out"
        )


def _pin(database: Database, name: str, config: Configuration, data: str) -> None:
    study_id, (to_pin, local) = _study_id(database, name), split(config)
    if study_id is None:
        study_id = database.storage.create_new_study([StudyDirection.MAXIMIZE], name)
    attributes = {
        FORMAT_KEY: FORMAT,  # first: it marks a study whose creator died here as ours
        LOCAL: local,
        VERSIONS: installed(),
        DATA: data,
        KEY: secrets.token_hex(8),
        OWN_FOLDER: True,
    }
    for key, value in attributes.items():
        database.storage.set_study_user_attr(study_id, key, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study = optuna.load_study(study_name=name, storage=database.storage)
        study.set_metric_names([config.metric.name])  # for optuna-dashboard and Optuna's plots
    database.storage.set_study_user_attr(study_id, CONFIG, to_pin)


def _pin_of(database: Database, name: str, study_id: int) -> Pinned:
    attributes = database.storage.get_study_user_attrs(study_id)
    if CONFIG not in attributes:
        if FORMAT_KEY in attributes:
            raise NotPinned(f"the creation of study {name!r} was cut off; run hpo create again")
        raise NotPinned(
            f"study {name!r} has no pinned configuration (Optuna made it without hpo);"
            " choose another name, or delete it first"
        )
    check_format(attributes[FORMAT_KEY])  # before the rest is read in this format
    pinned, local = attributes[CONFIG], attributes[LOCAL]
    config = from_mapping({**pinned, "general": {**pinned["general"], **local}})
    n_trials = config.optuna.n_trials
    extensions = StudyBudget(database, study_id, pinned=n_trials).extensions()
    return Pinned(
        config=with_n_trials(config, extensions[-1].after) if extensions else config,
        local=local,
        format=attributes[FORMAT_KEY],
        versions=attributes[VERSIONS],
        data=attributes[DATA],
        key=attributes[KEY],
        folder=study_folder(name, attributes[KEY] if OWN_FOLDER in attributes else None),
        n_trials=n_trials,
        extensions=tuple(extensions),
    )


def _study_id(database: Database, name: str) -> int | None:
    try:
        return database.storage.get_study_id_from_name(name)
    except KeyError:
        return None


def _is_pinned(database: Database, study_id: int) -> bool:
    return CONFIG in database.storage.get_study_user_attrs(study_id)


def _cut_off(database: Database, study_id: int) -> bool:
    """Whether a creator died between its first mark on the study and the configuration."""
    attributes = database.storage.get_study_user_attrs(study_id)
    return FORMAT_KEY in attributes and CONFIG not in attributes


def _lock_name(name: str) -> str:
    return f"study:{name}"
