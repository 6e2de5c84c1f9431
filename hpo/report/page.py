"""A report as one HTML file that needs nothing else: plotly.js is in it.

The page's own Content-Security-Policy forbids every request, so that a report which is opened,
mailed or archived tells nobody.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from plotly.offline import get_plotlyjs

from hpo.hiding import hide
from hpo.report.document import Block, Link, Plots, Points, Report, Section, Table, Text
from hpo.report.plots import Plot

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline';"
    " img-src data: blob:; base-uri 'none'; form-action 'none'"
)
STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Noto Sans KR", "Noto Sans CJK KR", sans-serif; color: #1f2933;
  max-width: 76rem; margin: 2rem auto; padding: 0 1.25rem; background: #fff; }
h1 { font-size: 1.7rem; margin-bottom: .5rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; padding-bottom: .25rem;
  border-bottom: 1px solid #d5dbe1; }
.table { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .9rem .25rem 0;
  border-bottom: 1px solid #e9edf0; overflow-wrap: anywhere; min-width: 3.5rem; }
th { font-weight: 600; color: #52606d; white-space: nowrap; }
ul { padding-left: 1.3rem; } ul.boxes { list-style: none; padding-left: 0; }
.wide { overflow-x: auto; }
.plot { width: 100%; height: 460px; }
"""
CONFIG = {"responsive": True, "displaylogo": False}
BETWEEN = "\n\0\n"  # no secret in an environment holds it, no URL goes beyond it
DRAW = """
for (const holder of document.querySelectorAll(".plot")) {
  const figure = JSON.parse(document.getElementById(holder.id + "-data").textContent);
  Plotly.newPlot(holder, figure.data, figure.layout, %s);
}
"""


def page(report: Report, drawn: Mapping[str, Plot]) -> str:
    """The report's page; nothing in it can pass for HTML of its own."""
    title = _escaped(report.title)
    body = "\n".join(_section(section, drawn) for section in report.sections)
    script = f"<script>{get_plotlyjs()}</script>" if drawn else ""
    draw = f"<script>{DRAW % json.dumps(CONFIG)}</script>" if drawn else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n{script}\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n{body}\n{draw}\n</body>\n</html>\n"
    )


def _section(section: Section, drawn: Mapping[str, Plot]) -> str:
    blocks = "\n".join(_block(block, drawn) for block in section.blocks)
    return f"<section>\n<h2>{_escaped(section.title)}</h2>\n{blocks}\n</section>"


def _block(block: Block, drawn: Mapping[str, Plot]) -> str:
    match block:
        case Text(text):
            return f"<p>{_escaped(text)}</p>"
        case Link(label, url):
            return f'<p><a href="{_escaped(url)}" rel="noreferrer">{_escaped(label)}</a></p>'
        case Table(head, rows):
            return _table(head, rows)
        case Points(items, boxes):
            return _points(items, boxes=boxes)
        case Plots():
            places = [_place(key, plot) for key, plot in drawn.items()]
            return "\n".join(places) or "<p>There is nothing to draw yet.</p>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    titles = "".join(f"<th>{_escaped(cell)}</th>" for cell in head)
    top = f"<thead><tr>{titles}</tr></thead>" if any(head) else ""
    lines = ["".join(f"<td>{_escaped(cell)}</td>" for cell in row) for row in rows]
    body = f"<tbody><tr>{'</tr><tr>'.join(lines)}</tr></tbody>"
    return f'<div class="table"><table>{top}{body}</table></div>'


def _points(items: Sequence[str], *, boxes: bool) -> str:
    if not boxes:
        return f"<ul>{''.join(f'<li>{_escaped(item)}</li>' for item in items)}</ul>"
    ticked = "".join(
        f'<li><label><input type="checkbox"> {_escaped(item)}</label></li>' for item in items
    )
    return f'<ul class="boxes">{ticked}</ul>'


def _place(key: str, plot: Plot) -> str:
    return (
        f'<div class="wide">'
        f'<div class="plot" id="{key}" style="min-width: {plot.least_width:g}px"></div></div>\n'
        f'<script type="application/json" id="{key}-data">{figure_text(plot)}</script>'
    )


def figure_text(plot: Plot) -> str:
    """The figure as JSON for a script element: no `<` that could end it, no secret in its texts."""
    values = json.loads(plot.figure.to_json())
    values = _with_texts(values, iter(_hidden(list(_texts(values)))))
    return json.dumps(values, ensure_ascii=False).replace("<", "\\u003c")


def _hidden(texts: Sequence[str]) -> Sequence[str]:
    """Hide secrets in all texts at once: one by one took longer than the rest of the page."""
    hidden = hide(BETWEEN.join(texts)).split(BETWEEN)
    return hidden if len(hidden) == len(texts) else [hide(text) for text in texts]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _with_texts(value: Any, texts: Iterator[str]) -> Any:
    """The value with its texts, in their order, replaced."""
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, list):
        return [_with_texts(each, texts) for each in value]
    if isinstance(value, dict):
        return {key: _with_texts(each, texts) for key, each in value.items()}
    return value


def _escaped(text: str) -> str:
    return escape(hide(text))
