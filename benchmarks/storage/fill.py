"""A study of many trials written in bulk, as `hpo` would have left it, or as plain Optuna would.

Optuna takes hours for 10,000 trials one by one. Values, pruned and failed trials are made up from
a seed; curves, notes and records have the length that they have in a search on the real data.
"""

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import cast

import psycopg
import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import TrialState
from psycopg import sql

from config.load import load
from config.schema import Configuration
from hpo import study as studies
from hpo import trial_record
from hpo.own_trials import STUDY as STUDY_KEY
from hpo.suggest import distributions
from storage.connect import connect
from storage.tables import LEASES, METADATA, OPTUNA_METADATA
from storage.url import StorageURL

STUDY = "bench"
EVALUATIONS = 8
NOTE_CHARACTERS = 3000
STATES = (*[TrialState.PRUNED] * 12, *[TrialState.COMPLETE] * 7, TrialState.FAIL)
OURS, PLAIN = "ours", "plain"
BLOCK = 500  # trials whose rows are sent at once

Rows = dict[str, list[dict[str, object]]]


@dataclass(frozen=True)
class Fill:
    """What to write: how many finished trials, and whether with all that `hpo` keeps of each."""

    trials: int
    records: bool = True
    seed: int = 0


def configuration(*overrides: str) -> Configuration:
    """The kobart preset without end, on one pruner and sampler that plain Optuna has too."""
    chosen = ("optuna.n_trials=10000000", "optuna.sampler=tpe", "optuna.pruner=median")
    return load("kobart", overrides=[*chosen, *overrides], environ={})


def fill(url: StorageURL, wanted: Fill, config: Configuration) -> None:
    """Make the study in an empty database and write its trials."""
    with connect(url) as database:
        studies.create(database, STUDY, config, data_fingerprint="f" * 64)
        study_id = database.storage.get_study_id_from_name(STUDY)
        space = distributions(config.optuna.search_space)
        key = studies.read(database, STUDY).key
        with database.writing() as connection:
            for rows in _blocks(study_id, wanted, space, key=key):
                for table, written in rows.items():
                    _write(connection, _table(table), written)
            _set_sequence(connection, wanted.trials)
            if not wanted.records:
                connection.execute(sa.text("DELETE FROM hpo_leases"))


def _write(connection: sa.Connection, table: sa.Table, rows: list[dict[str, object]]) -> None:
    """Send rows of one form: by COPY on PostgreSQL, which takes a tenth of the time."""
    if connection.dialect.name == "sqlite":
        connection.execute(table.insert(), rows)
        return
    names, cursor = list(rows[0]), connection.connection.cursor()
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with cast("psycopg.Cursor[object]", cursor).copy(into) as copy:
        for row in rows:
            copy.write_row([v.name if isinstance(v, Enum) else v for v in row.values()])


def _table(name: str) -> sa.Table:
    if name == LEASES.name:
        return METADATA.tables[name]
    return OPTUNA_METADATA.tables[name]


def _blocks(
    study_id: int, wanted: Fill, space: Mapping[str, BaseDistribution], *, key: str
) -> Iterator[Rows]:
    chance = random.Random(wanted.seed)
    kept = {name: distribution_to_json(dist) for name, dist in space.items()}
    for first in range(0, wanted.trials, BLOCK):
        rows: Rows = {}
        for number in range(first, min(first + BLOCK, wanted.trials)):
            _add_trial(rows, study_id, number, chance=chance, space=space, kept=kept)
            if wanted.records:
                _add_records(rows, study_id, number, chance, key=key)
        yield rows


def _add_trial(
    rows: Rows,
    study_id: int,
    number: int,
    *,
    chance: random.Random,
    space: Mapping[str, BaseDistribution],
    kept: Mapping[str, str],
) -> None:
    trial_id, state = number + 1, STATES[number % len(STATES)]
    began = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None) + timedelta(seconds=number)
    _add(
        rows,
        models.TrialModel.__tablename__,
        trial_id=trial_id,
        number=number,
        study_id=study_id,
        state=state,
        datetime_start=began,
        datetime_complete=began + timedelta(seconds=300),
    )
    for name, dist in space.items():
        _add(
            rows,
            models.TrialParamModel.__tablename__,
            trial_id=trial_id,
            param_name=name,
            param_value=_draw(dist, chance),
            distribution_json=kept[name],
        )
    values = _curve(chance, EVALUATIONS if state is TrialState.COMPLETE else 6)
    for step, value in enumerate(values, start=1):
        _add(
            rows,
            models.TrialIntermediateValueModel.__tablename__,
            trial_id=trial_id,
            step=step,
            intermediate_value=value,
            intermediate_value_type="FINITE",
        )
    if state is TrialState.COMPLETE:
        _add(
            rows,
            models.TrialValueModel.__tablename__,
            trial_id=trial_id,
            objective=0,
            value=max(values),
            value_type="FINITE",
        )


def _add_records(
    rows: Rows, study_id: int, number: int, chance: random.Random, *, key: str
) -> None:
    """What `hpo` keeps beside Optuna's own: records, the curve, the note, the lease."""
    trial_id = number + 1
    point = {name: chance.random() for name in ("rouge1", "rouge2", "rougeL", "rouge_combined_f1")}
    point |= {name: chance.random() for name in ("train_loss", "eval_loss", "learning_rate")}
    curve = [{"step": n + 1, "epoch": n + 1.0, **point, "seconds": n} for n in range(EVALUATIONS)]
    machine = {"device": "NVIDIA H100", "precision": "bf16", "precision_reason": "the card has it"}
    user = {
        STUDY_KEY: key,
        trial_record.BEST_EPOCH: 6.0,
        trial_record.CHECKPOINT: f"outputs/bench/trial-{number:05d}/evaluation-6",
        trial_record.SECONDS: 300.123,
        trial_record.MACHINE: {**machine, "cpu_threads": 8},
    }
    for table, pairs in (
        (models.TrialUserAttributeModel.__tablename__, user),
        (models.TrialSystemAttributeModel.__tablename__, {trial_record.CURVE: curve}),
    ):
        for name, value in pairs.items():
            _add(rows, table, trial_id=trial_id, key=name, value_json=json.dumps(value))
    _add_note(rows, study_id, trial_id)
    _add(
        rows,
        LEASES.name,
        study_id=study_id,
        slot=number,
        trial_id=trial_id,
        started=True,
        worker=f"host:{number % 200}:abcdef",
        attempt=1,
        expires_at=1.0,
        done=True,
    )


def _add_note(rows: Rows, study_id: int, trial_id: int) -> None:
    note = ("| `training.learning_rate` | 2.3e-05 |\n" * 200)[:NOTE_CHARACTERS]
    prefix, pieces = f"dashboard:{trial_id}:", [note[:2045], note[2045:]]
    pairs: list[tuple[str, object]] = [(f"{prefix}note_ver", 1)]
    pairs += [(f"{prefix}note_str:{n}", piece) for n, piece in enumerate(pieces)]
    for key, value in pairs:
        table = models.StudySystemAttributeModel.__tablename__
        _add(rows, table, study_id=study_id, key=key, value_json=json.dumps(value))


def _add(rows: Rows, table: str, **row: object) -> None:
    rows.setdefault(table, []).append(row)


def _curve(chance: random.Random, evaluations: int) -> Sequence[float]:
    top = chance.uniform(0.2, 0.4)
    return [top * (1 - math.exp(-step / 2)) for step in range(1, evaluations + 1)]


def _draw(dist: BaseDistribution, chance: random.Random) -> float:
    """An internal value of the distribution: a choice by its index, a number by its range."""
    choices = getattr(dist, "choices", None)
    if choices is not None:
        return float(chance.randrange(len(choices)))
    low, high = float(dist.low), float(dist.high)  # type: ignore[attr-defined] # a range has both
    step = getattr(dist, "step", None)
    if step:
        return low + float(step) * chance.randrange(int((high - low) / step) + 1)
    if getattr(dist, "log", False):
        return math.exp(chance.uniform(math.log(low), math.log(high)))
    return chance.uniform(low, high)


def _set_sequence(connection: sa.Connection, trials: int) -> None:
    """Let the next trial's id follow those that were written with theirs."""
    if connection.dialect.name == "postgresql" and trials:
        sequence = sa.func.pg_get_serial_sequence("trials", "trial_id")
        connection.execute(sa.select(sa.func.setval(sequence, trials)))


def open_plain(url: str) -> RDBStorage:
    """Optuna's own storage at its defaults, but for psycopg 3, which is the driver here."""
    return RDBStorage(StorageURL.parse(url).sqlalchemy)
