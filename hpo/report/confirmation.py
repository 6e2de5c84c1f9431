"""What the runs under further seeds say of the leaders, where there are any."""

from collections.abc import Iterator

from hpo.confirm.results import Candidate, Results
from hpo.confirm.words import percent, said
from hpo.report.document import Finding, Section, Table, Text
from hpo.report.facts import Facts


def confirmation(facts: Facts) -> Section | None:
    """A table of the candidates and what can be said of them; None where nobody has asked."""
    results = facts.confirmed
    if results is None:
        return None
    rows = tuple(_row(each, results) for each in results.candidates)
    head = ("trial", "single run", "mean", "SD", "runs", "expect", "best of all with")
    sentences = (f"{line[:1].upper()}{line[1:]}." for line in said(results))
    return Section("Confirmation", (Table(head, rows), *map(Text, sentences)))


def confirmed_best(facts: Facts) -> Iterator[Finding]:
    """The trial that further seeds have shown to be the best, if one."""
    results = facts.confirmed
    if results is None or results.winner is None or results.leaders != (results.winner,):
        return
    winner, chances = results.winner, results.probabilities
    yield Finding(
        f"Trial {winner.number} is the best of {len(chances)} that were run again under further"
        f" seeds, with probability {percent(chances[winner.number])}: mean {winner.mean:.4f}."
    )


def _row(candidate: Candidate, results: Results) -> tuple[str, ...]:
    expected = results.expected.get(candidate.number)
    chance = results.probabilities.get(candidate.number)
    numbers = (candidate.single, candidate.mean, candidate.sd, expected)
    *shown, expect = ("" if value is None else f"{value:.4f}" for value in numbers)
    runs = str(len(candidate.values))
    if candidate.failed or candidate.left:
        runs = f"{runs} ({candidate.failed} failed, {candidate.left} to come)"
    return (str(candidate.number), *shown, runs, expect, "" if chance is None else percent(chance))
