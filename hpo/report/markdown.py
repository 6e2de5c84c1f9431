"""A report as Markdown; plots have no place in it."""

from collections.abc import Sequence

from hpo.hiding import hide
from hpo.notes import escaped
from hpo.report.document import Block, Link, Plots, Points, Report, Table, Text

LONGEST = 2000  # characters of a paragraph or a cell


def markdown(report: Report) -> str:
    """The report's text; nothing in it can pass for Markdown of its own."""
    parts = [f"# {_escaped(report.title)}"]
    for section in report.sections:
        blocks = [_block(block) for block in section.blocks if not isinstance(block, Plots)]
        if blocks:
            parts += [f"## {_escaped(section.title)}", *blocks]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    match block:
        case Text(text):
            return _escaped(text)
        case Link(label, url):
            return f"[{_escaped(label)}]({hide(url)})"
        case Table(head, rows):
            return _table(head, rows)
        case Points(items, boxes):
            return "\n".join(f"- {'[ ] ' * boxes}{_escaped(item)}" for item in items)
        case Plots():
            return ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [
        [_escaped(cell) for cell in head],
        [":---"] * len(head),
        *([_escaped(cell) for cell in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _escaped(text: str) -> str:
    return escaped(hide(text), LONGEST)
