"""What to do next: what the findings ask for, then what every study ends with."""

from collections.abc import Sequence
from shlex import quote

from hpo.report.document import Finding, Points, Section, Text
from hpo.report.facts import Facts


def findings(title: str, found: Sequence[Finding], *, nothing: str) -> Section:
    """Findings as a list; `nothing` is said where there are none."""
    if not found:
        return Section(title, (Text(nothing),))
    return Section(title, (Points(tuple(finding.text for finding in found)),))


def next_steps(facts: Facts, found: Sequence[Finding]) -> Section:
    """Check boxes: each step once, those of the findings first."""
    steps = [finding.step for finding in found if finding.step is not None]
    if facts.best is None:
        usual = [f"Let the study come to a result: hpo status --study {quote(facts.study)}"]
    else:
        name = quote(facts.confirms or facts.study)
        confirmed = facts.confirmed is not None and facts.confirmed.winner is not None
        confirmed = confirmed or facts.confirms is not None
        best = f"hpo best --study {name}{' --confirmed' * confirmed} --export best.yaml"
        usual = [
            f"Take the best settings over: {best}",
            "Train the final model with them: hpo train --config best.yaml --output model",
        ]
    return Section("Next steps", (Points(tuple(dict.fromkeys([*steps, *usual])), boxes=True),))
