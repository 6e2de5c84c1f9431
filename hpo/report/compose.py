"""All sections of a report in their order."""

from collections.abc import Mapping

import optuna

from hpo.report.confirmation import confirmation
from hpo.report.document import Plots, Report, Section
from hpo.report.doubts import doubts
from hpo.report.facts import Facts
from hpo.report.failures import failures
from hpo.report.head import Told, aim, head, title
from hpo.report.importances import importances
from hpo.report.learned import learned
from hpo.report.next_steps import findings, next_steps
from hpo.report.noise import noise
from hpo.report.pruning import pruning
from hpo.report.results import results, samples
from hpo.report.settings import ranges, settings


def compose(facts: Facts, study: optuna.Study, told: Told, environ: Mapping[str, str]) -> Report:
    """The whole report; `study` is the plain one of `facts`, for what Optuna computes."""
    known, weak = learned(facts), doubts(facts)
    sections: list[Section | None] = [
        head(facts, told, environ),
        aim(facts, told),
        settings(facts),
        ranges(facts),
        results(facts),
        confirmation(facts),
        samples(facts),
        Section("Plots", (Plots(),)),
        importances(study),
        pruning(facts),
        failures(facts),
        noise(facts),
        findings("What was learned", known, nothing="Nothing that the figures support yet."),
        findings("Weaker than it looks", weak, nothing="No statement here needs a warning."),
        next_steps(facts, [*known, *weak]),
    ]
    return Report(title(facts, told), tuple(each for each in sections if each is not None))
