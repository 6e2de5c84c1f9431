"""Where a statement is weaker than it looks, and what would make it stronger."""

import math
from collections.abc import Iterator
from shlex import quote

from config.counting import counted
from config.entries import CategoricalEntry, Entry
from config.space import combinations
from hpo.confirm.results import Results
from hpo.confirm.words import seeds_to_tell
from hpo.progress import short
from hpo.report.document import Finding
from hpo.report.facts import EPOCHS, Facts, last_part
from hpo.report.learned import without_gain
from hpo.report.noise import noise_of
from hpo.report.ranks import differences

FEW = 10  # completed trials
# Optuna's page on PED-ANOVA: at least 5 trials in the best tenth.
ENOUGH_FOR_IMPORTANCES = 50
LEARNING_SAMPLERS = ("tpe", "curve_tpe", "gp", "cmaes")
EDGE = 0.05  # of a range
FEWEST_CHOICES = 3  # of two, each is at an end
MANY_FAILURES = 0.2  # of all trials that ended


def doubts(facts: Facts) -> list[Finding]:
    """Everything to keep in mind when the figures are read."""
    return [
        *_unfinished(facts),
        *_few(facts),
        *_importances(facts),
        *_rank_tests(facts),
        *_leaders(facts),
        *_edges(facts),
        *_last_epoch(facts),
        *_failures(facts),
    ]


def _unfinished(facts: Facts) -> Iterator[Finding]:
    running, left = facts.status.running, facts.status.left
    if running or left:
        yield Finding(f"The study is not over (trials running: {running}, not begun: {left}).")


def _few(facts: Facts) -> Iterator[Finding]:
    count = len(facts.complete)
    if 0 < count < FEW:
        beside = f", beside {len(facts.pruned)} pruned ones" if facts.pruned else ""
        yield Finding(
            f"Only {counted(count, 'completed trial')}{beside}: the best may be luck.",
            _more_trials(facts),
        )


def _more_trials(facts: Facts) -> str | None:
    """What gives a study more trials: its budget, a larger one, or other values to try.

    None where the last ones gained nothing: then another space is asked for. None too for runs
    under further seeds, which hpo confirm gives more of.
    """
    name, budget = quote(facts.study), facts.status.budget
    if facts.status.left:
        return f"Let the budget be spent: hpo worker --study {name}"
    size = combinations(facts.config.optuna.search_space)
    if size is not None and size <= budget:
        return "Search more values: the search space has no more combinations."
    if without_gain(facts) is not None or facts.confirms is not None:
        return None
    return f"Give the study more trials: hpo create --study {name} -o optuna.n_trials={2 * budget}"


def _importances(facts: Facts) -> Iterator[Finding]:
    count, sampler = len(facts.complete), facts.config.optuna.sampler.name
    if 1 < count < ENOUGH_FOR_IMPORTANCES:
        learns = f", which {sampler} drew near its best" if sampler in LEARNING_SAMPLERS else ""
        yield Finding(
            f"The importances come from {count} completed trials{learns}. PED-ANOVA looks at the"
            f" best tenth and needs {ENOUGH_FOR_IMPORTANCES} trials to have five there: read them"
            " as a hint."
        )


def _rank_tests(facts: Facts) -> Iterator[Finding]:
    sampler = facts.config.optuna.sampler.name
    if sampler in LEARNING_SAMPLERS and differences(facts):
        yield Finding(
            f"The rank tests take trials as independent, and {sampler} drew them near its best:"
            " their p is a guide."
        )


def _leaders(facts: Facts) -> Iterator[Finding]:
    if facts.confirmed is not None and facts.confirmed.winner is not None:
        yield from _still_together(facts.confirmed, facts.study)
        return
    if facts.confirms is not None:
        return  # the report of that study compares its trials
    noise = noise_of(facts)
    if noise is None or len(facts.complete) < 2:  # noqa: PLR2004 - a gap has two ends
        return
    top = facts.complete[0].values[0]
    close = [t for t in facts.complete[1:] if top - t.values[0] < noise.gap]
    if close:
        numbers = ", ".join(str(trial.number) for trial in close[:FEW])
        more = f" and {len(close) - FEW} more" if len(close) > FEW else ""
        yield Finding(
            f"Trial {facts.complete[0].number} is not clearly ahead: the gap to"
            f" trial{'s' * (len(close) != 1)} {numbers}{more} is below the noise"
            f" ({noise.gap:.4f}). The best of many values is also too high by chance.",
            f"Run the leaders again under further seeds: hpo confirm --study {quote(facts.study)}",
        )


def _still_together(results: Results, study: str) -> Iterator[Finding]:
    leaders = [str(candidate.number) for candidate in results.leaders]
    if len(leaders) > 1:
        seeds = seeds_to_tell(results)
        named = f"{', '.join(leaders[:-1])} and {leaders[-1]}"
        step = (
            f"Run trials {named} under more seeds: hpo confirm --study {quote(study)}"
            f"{''.join(f' --trial {number}' for number in leaders)} --seeds {seeds}"
        )
        yield Finding(
            f"Further seeds do not tell trials {named} apart: any of them may be the best.",
            None if seeds is None else step,
        )


def _edges(facts: Facts) -> Iterator[Finding]:
    best = facts.best
    if best is None:
        return
    for field, entry in facts.config.optuna.search_space.items():
        edge = _edge(entry, best.params.get(field))
        if edge == "lower" and field == EPOCHS and _rising(facts):
            continue  # fewer epochs would not help
        if edge is not None:
            name = last_part(field)
            yield Finding(
                f"The best {name}, {short(best.params[field])}, lies at the {edge} end of what was"
                " searched: the optimum may lie beyond.",
                f"Widen {field} beyond its {edge} end.",
            )


def _edge(entry: Entry, value: object) -> str | None:
    """Which end of its range a value lies at; None inside, and where nothing lies beyond."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(entry, CategoricalEntry):
        return _outermost(entry, value)
    low, high, place = float(entry.low), float(entry.high), float(value)
    if low == high:
        return None
    if entry.log:
        low, high, place = math.log(low), math.log(high), math.log(place)
    share = (place - low) / (high - low)
    if share <= EDGE and entry.low != 0:  # no setting goes below zero
        return "lower"
    return "upper" if share >= 1 - EDGE else None


def _outermost(entry: CategoricalEntry, value: float) -> str | None:
    numbers = [c for c in entry.choices if isinstance(c, int | float) and not isinstance(c, bool)]
    if len(numbers) != len(entry.choices) or len(numbers) < FEWEST_CHOICES:
        return None
    if value == max(numbers):
        return "upper"
    return "lower" if value == min(numbers) != 0 else None


def _last_epoch(facts: Facts) -> Iterator[Finding]:
    if facts.best is not None and _rising(facts):
        yield Finding(
            f"The best trial was best at its last epoch, {facts.best.epoch:g}: it may not have"
            " been finished.",
            "Train the best settings for more epochs.",
        )


def _rising(facts: Facts) -> bool:
    """Whether the best trial's last epoch was its best."""
    best = facts.best
    return best is not None and best.epoch >= facts.epochs_planned(facts.complete[0]) > 0


def _failures(facts: Facts) -> Iterator[Finding]:
    bad = len(facts.failed) + len(facts.infeasible)
    ended = bad + len(facts.complete) + len(facts.pruned)
    if ended and bad / ended >= MANY_FAILURES:
        yield Finding(
            f"{bad} of {counted(ended, 'trial')} came to nothing: what the others say holds for"
            " settings that can be trained here.",
            "Look into the failures before the next search.",
        )
