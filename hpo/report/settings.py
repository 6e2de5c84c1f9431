"""What was fixed, and what was searched within which ranges."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from config.counting import counted
from config.entries import CategoricalEntry, Entry, IntEntry
from hpo.pinned import FINGERPRINT_SHOWN
from hpo.progress import short
from hpo.report.document import Section, Table
from hpo.report.facts import Facts

SECTIONS = ("model", "training", "generation")


def settings(facts: Facts) -> Section:
    """What all trials had in common."""
    config, optuna = facts.config, facts.config.optuna
    rows = [
        ("metric", f"{config.metric.name}, units: {config.metric.tokenizer}"),
        ("trials", f"{facts.status.budget}, of which {facts.status.taken} were taken"),
        ("sampler", _with_options(optuna.sampler)),
        ("pruner", _with_options(optuna.pruner)),
        ("seed", str(config.general.seed)),
        ("data", f"fingerprint {facts.pinned.data[:FINGERPRINT_SHOWN]}"),
        ("versions", ", ".join(f"{name} {v}" for name, v in facts.pinned.versions.items())),
        *_fixed(facts),
    ]
    return Section("Settings", (Table(("setting", "value"), tuple(rows)),))


def ranges(facts: Facts) -> Section:
    """The search space, and what of it was tried."""
    rows = tuple(
        (field, said(entry), _tried(facts, field, entry))
        for field, entry in facts.config.optuna.search_space.items()
    )
    return Section("Search ranges", (Table(("setting", "range", "tried"), rows),))


def said(entry: Entry) -> str:
    """A range as people write it."""
    if isinstance(entry, CategoricalEntry):
        return ", ".join(map(short, entry.choices))
    plain = isinstance(entry, IntEntry) and entry.step == 1
    step = "" if plain or entry.step is None else f", step {short(entry.step)}"
    return f"{short(entry.low)} to {short(entry.high)}{step}{', log' * entry.log}"


def _tried(facts: Facts, field: str, entry: Entry) -> str:
    values = [trial.params[field] for trial in facts.trials if field in trial.params]
    if not values:
        return "nothing yet"
    if isinstance(entry, CategoricalEntry):
        counts = ((short(choice), values.count(choice)) for choice in entry.choices)
        return ", ".join(f"{choice}: {count}" for choice, count in counts)
    return f"{short(min(values))} to {short(max(values))} in {counted(len(values), 'trial')}"


def _with_options(part: BaseModel) -> str:
    given = part.model_dump(mode="json", exclude_unset=True)
    name = str(given.pop("name", getattr(part, "name", "")))
    options = ", ".join(f"{key} {short(value)}" for key, value in given.items())
    return f"{name} ({options})" if options else name


def _fixed(facts: Facts) -> Iterator[tuple[str, str]]:
    searched = facts.config.optuna.search_space
    for section in SECTIONS:
        values: Mapping[str, object] = getattr(facts.config, section).model_dump(mode="json")
        for field, value in values.items():
            dotted = f"{section}.{field}"
            if dotted not in searched and value not in (None, {}, []):
                yield dotted, _shown(value)


def _shown(value: object) -> str:
    if not isinstance(value, Mapping):
        return short(value)
    return ", ".join(f"{key} {short(each)}" for key, each in value.items() if each is not None)
