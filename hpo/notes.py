"""A trial's note for optuna-dashboard, in Markdown: how it ended, settings, curve, samples.

Made from what the database holds and a few samples. A note that can't be saved is logged and harms
nothing. Notes stand in the study's attributes, which are read as a whole: so they are kept short.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from config.load import from_mapping
from config.schema import Configuration
from config.space import apply
from hpo import trial_record
from hpo.run_names import run_name
from hpo.study import CONFIG
from hpo.trial_info import SCORES, Point, best_point
from hpo.verdict import Verdict, text
from storage.errors import FileGone, Missing
from storage.retries import RETRY_OF
from storage.trial_cache import TrialCache
from trainer.evaluation import Sample

SECTIONS_SHOWN = ("training", "generation", "model")
STATES = {state: state.name.lower() for state in TrialState} | {TrialState.FAIL: "failed"}
CURVE_ROWS = 32
SAMPLES = 3
TEXT_CHARACTERS = 240  # of a summary or an error
EMPTY = "(empty)"
SPECIAL = r"[\\`*_\[\]<>|$~&!]"  # to Markdown
SAMPLE = re.compile(r"^\*\*(.*)\*\*  \npredicted: (.*)  \nreference: (.*)$", re.MULTILINE)
PIECE_CHARACTERS = 2045  # as optuna-dashboard splits notes
MOST_PIECES = 16  # ours have 2 or 3

log = logging.getLogger(__name__)


def save_note(
    study: Study,
    trial: Trial | FrozenTrial,
    *,
    samples: Sequence[Sample] = (),
    settings: Configuration | None = None,
) -> None:
    """Write the note of a trial as the database has the trial now; never raises.

    `settings` are the trial's own; None reads them from the study.
    """
    trial_id = trial._trial_id  # noqa: SLF001 - no public way
    storage = cast("TrialCache", study._storage)  # noqa: SLF001 - of a study of ours
    try:
        frozen = storage.get_trial(trial_id)
        if settings is None:
            settings = apply(from_mapping(study.user_attrs[CONFIG]), frozen.params)
        write_note(storage, study._study_id, trial_id, markdown(frozen, settings, samples=samples))  # noqa: SLF001 - no public way
    except (Missing, FileGone):
        log.debug("trial %d was deleted before its note", trial.number, exc_info=True)
    except Exception:  # a note is decoration: its failure must not fail the trial
        log.warning("the note of trial %d could not be saved", trial.number, exc_info=True)


def write_note(
    storage: TrialCache,
    study_id: int,
    trial_id: int | None,
    body: str,
    *,
    pieces: int = MOST_PIECES,
) -> None:
    """Write a note as optuna_dashboard.save_note does, which reads all notes of the study twice.

    It is the study's own where `trial_id` is None. `pieces` is the most that a longer one before
    it may have had.
    """
    # optuna_dashboard's own names for these keys come with its whole server, a second of imports.
    owner = "dashboard:" if trial_id is None else f"dashboard:{trial_id}:"
    version, prefix = f"{owner}note_ver", f"{owner}note_str:"
    kept = [version, *(f"{prefix}{piece}" for piece in range(pieces))]
    before = storage.read_study_attrs(study_id, kept)
    written: dict[str, object] = {key: "" for key in before if key != version}
    starts = range(0, len(body), PIECE_CHARACTERS)
    parts = (body[start : start + PIECE_CHARACTERS] for start in starts)
    written.update({f"{prefix}{piece}": part for piece, part in enumerate(parts)})
    storage.write_study_attrs(study_id, {version: int(before.get(version, 0)) + 1, **written})


def markdown(trial: FrozenTrial, settings: Configuration, *, samples: Sequence[Sample] = ()) -> str:
    """The note of a trial that ran with `settings`; what the trial doesn't have is left out."""
    curve = trial_record.curve(trial)
    parts = [
        f"## {escaped(run_name(settings))}",
        _ending(trial, settings, curve),
        _table("Searched settings", trial.params),
        _curve(curve, settings.metric.name),
        _samples(samples),
        _table("Other settings", _fixed(settings, trial.params)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(plain: str, characters: int = TEXT_CHARACTERS) -> str:
    """Text from outside on one line, cut off, that Markdown shows as it is."""
    line = " ".join(plain.split())
    cut = line if len(line) <= characters else line[: characters - 1] + "…"
    return re.sub(rf"({SPECIAL})", r"\\\1", cut)


def samples_of(body: str) -> tuple[Sample, ...]:
    """The samples that stand in a note: each text on one line, cut off as they were written."""
    return tuple(Sample(*map(_plain, found.groups())) for found in SAMPLE.finditer(body))


def _plain(written: str) -> str:
    return "" if written == EMPTY else re.sub(rf"\\({SPECIAL})", r"\1", written)


def _ending(trial: FrozenTrial, settings: Configuration, curve: Sequence[Point]) -> str:
    state = "infeasible" if trial_record.is_infeasible(trial) else STATES[trial.state]
    lines = [f"**{state}**{_reason(trial, settings)}"]
    if RETRY_OF in trial.user_attrs:
        lines.append(f"retry of trial {escaped(str(trial.user_attrs[RETRY_OF]))}")
    best = best_point(curve, settings.metric.name)
    if best is not None:
        name = escaped(settings.metric.name)
        lines.append(f"best {name} **{best[settings.metric.name]:.4f}** at epoch {best['epoch']:g}")
    machine = trial.user_attrs.get(trial_record.MACHINE)
    if machine:
        reason = machine["precision_reason"]
        lines.append(escaped(f"{machine['device']}, {machine['precision']} ({reason})"))
    return "  \n".join(lines)


def _reason(trial: FrozenTrial, settings: Configuration) -> str:
    attrs = trial.user_attrs
    if trial_record.is_infeasible(trial):
        return f": {escaped(attrs.get(trial_record.INFEASIBLE, 'a constraint is violated'))}"
    if trial.state is TrialState.PRUNED and trial_record.PRUNED in attrs:
        verdict = Verdict.from_mapping(attrs[trial_record.PRUNED])
        per_epoch = settings.training.evaluations_per_epoch
        return f": {escaped(text(verdict, evaluations_per_epoch=per_epoch))}"
    if trial.state is TrialState.FAIL and trial_record.ERROR in attrs:
        return f": {escaped(attrs[trial_record.ERROR])}"
    return ""


def _fixed(settings: Configuration, params: Mapping[str, Any]) -> dict[str, Any]:
    whole = settings.model_dump(mode="json")
    return {
        f"{section}.{field}": value
        for section in SECTIONS_SHOWN
        for field, value in whole[section].items()
        if f"{section}.{field}" not in params and value not in (None, {}, [])
    }


def _table(title: str, values: Mapping[str, Any]) -> str:
    rows = [
        f"| `{name}` | {f'{value:.6g}' if isinstance(value, float) else escaped(str(value))} |"
        for name, value in values.items()
    ]
    return "\n".join([f"### {title}", "", "| setting | value |", "| :--- | :--- |", *rows])


def _curve(curve: Sequence[Point], metric: str) -> str:
    if not curve:
        return ""
    best = best_point(curve, metric)
    every = -(-len(curve) // CURVE_ROWS)
    shown = [p for i, p in enumerate(curve, start=1) if i % every == 0 or p is best]
    heads = ["epoch", "train loss", "eval loss", *(escaped(score) for score in SCORES)]
    rows = [_row(point, is_best=point is best) for point in shown]
    ruler = "| " + " | ".join("---:" for _ in heads) + " |"
    return "\n".join(["### Curve", "", "| " + " | ".join(heads) + " |", ruler, *rows])


def _row(point: Point, *, is_best: bool) -> str:
    keys = ("train_loss", "eval_loss", *SCORES)
    cells = [f"{point['epoch']:g}", *(f"{point[key]:.4f}" for key in keys)]
    return "| " + " | ".join(f"**{cell}**" if is_best else cell for cell in cells) + " |"


def _samples(samples: Sequence[Sample]) -> str:
    if not samples:
        return ""
    pairs = [
        f"**{escaped(sample.fname)}**  \npredicted: {escaped(sample.prediction) or EMPTY}  \n"
        f"reference: {escaped(sample.reference)}"
        for sample in samples[:SAMPLES]
    ]
    return "\n\n".join(["### Samples of the best evaluation", *pairs])
