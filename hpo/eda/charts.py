"""Charts as SVG inside the page: sharp at any size, in the page's light and dark colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

from hpo.eda.markup import Html, element, joined, number, percent

WIDTH, LEFT, RIGHT = 760, 64, 16  # pixels
PLOT = WIDTH - LEFT - RIGHT
PANEL, GAP, TOP, BOTTOM = 96, 30, 24, 46
HEAT_HEIGHT = 300
TICKS = 8
LABEL_ROOM = 7.0  # pixels of a letter


@dataclass(frozen=True)
class Panel:
    """One histogram: a name, what stands at its right, and the counts of its bins."""

    name: str
    note: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Mark:
    """A vertical line at a value, with what it is; `kind` chooses its colour: limit or advice."""

    value: float
    label: str
    kind: str


def histograms(
    panels: Sequence[Panel],
    *,
    edges: Sequence[float],
    x_label: str,
    marks: Sequence[Mark] = (),
    alt: str,
) -> Html:
    """Draw histograms one below the other over the same axis; heights are shares of each file."""
    top = TOP + (18 * len(marks))
    height = top + len(panels) * (PANEL + GAP) - GAP + BOTTOM
    last = max([edges[-1], *(mark.value for mark in marks)])
    scale = PLOT / last
    parts: list[Html] = []
    for place, panel in enumerate(panels):
        parts += _panel(panel, edges, scale, top=top + place * (PANEL + GAP))
    foot = height - BOTTOM
    parts += _axis(last, scale, y=foot, label=x_label)
    for place, mark in enumerate(sorted(marks, key=lambda each: each.value)):
        parts += _mark(mark, scale, y=TOP + 18 * place - 8, foot=foot)
    return _svg(parts, height, alt)


def heat(
    counts: Sequence[Sequence[int]],
    *,
    x_edges: Sequence[int],
    y_edges: Sequence[int],
    labels: tuple[str, str],
    alt: str,
) -> Html:
    """Draw how often two numbers come together; the darker a field, the more texts are there."""
    x_scale, y_scale = PLOT / x_edges[-1], HEAT_HEIGHT / y_edges[-1]
    most = max(max(row) for row in counts) or 1
    foot = TOP + HEAT_HEIGHT
    parts = [
        element(
            "rect",
            x=f"{LEFT + x_edges[i] * x_scale:.1f}",
            y=f"{foot - y_edges[j + 1] * y_scale:.1f}",
            width=f"{(x_edges[i + 1] - x_edges[i]) * x_scale - 0.5:.1f}",
            height=f"{(y_edges[j + 1] - y_edges[j]) * y_scale - 0.5:.1f}",
            class_="data",
            fill_opacity=f"{0.15 + 0.85 * count / most:.2f}",
        )
        for i, row in enumerate(counts)
        for j, count in enumerate(row)
        if count
    ]
    parts += _axis(x_edges[-1], x_scale, y=foot, label=labels[0])
    for value in _ticks(y_edges[-1]):
        parts += _grid_line(foot - value * y_scale, number(value))
    parts.append(_text(LEFT, TOP - 9, labels[1], anchor="start"))
    return _svg(parts, foot + BOTTOM, alt)


def _panel(panel: Panel, edges: Sequence[float], scale: float, *, top: float) -> list[Html]:
    total = sum(panel.counts) or 1
    highest = max(panel.counts) or 1
    foot = top + PANEL
    parts = [*_grid_line(foot, "0"), *_grid_line(top, percent(highest / total))]
    parts += [
        element(
            "rect",
            x=f"{LEFT + edges[i] * scale:.1f}",
            y=f"{foot - PANEL * count / highest:.1f}",
            width=f"{max(0.8, (edges[i + 1] - edges[i]) * scale - 1):.1f}",
            height=f"{PANEL * count / highest:.1f}",
            class_="data",
        )
        for i, count in enumerate(panel.counts)
        if count
    ]
    parts.append(_text(WIDTH - RIGHT - 6, top - 6, panel.note, anchor="end", kind="quiet"))
    parts.append(_text(LEFT, top - 6, panel.name, anchor="start", kind="strong"))
    return parts


def _mark(mark: Mark, scale: float, *, y: float, foot: float) -> list[Html]:
    x = LEFT + mark.value * scale
    anchor = "end" if x + LABEL_ROOM * len(mark.label) > WIDTH else "start"
    beside = x - 4 if anchor == "end" else x + 4
    line = element(
        "line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=y - 8, y2=foot, class_=f"mark {mark.kind}"
    )
    return [line, _text(beside, y, mark.label, anchor=anchor, kind=mark.kind)]


def _axis(last: float, scale: float, *, y: float, label: str) -> list[Html]:
    parts = [element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="axis")]
    parts += [_text(LEFT + v * scale, y + 16, number_of(v), anchor="middle") for v in _ticks(last)]
    return [*parts, _text(LEFT + PLOT / 2, y + 36, label, anchor="middle", kind="strong")]


def _grid_line(y: float, label: str) -> list[Html]:
    line = element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="grid")
    return [line, _text(LEFT - 6, y + 4, label, anchor="end")]


def _text(x: float, y: float, text: str, *, anchor: str, kind: str = "") -> Html:
    return element(
        "text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=kind or None
    )


def number_of(value: float) -> str:
    """Return an axis's number: 0.25, 12, 1,500."""
    return f"{value:,.0f}" if value == int(value) else f"{value:.2g}"


def _ticks(last: float) -> list[float]:
    wanted = last / TICKS if last <= 1 else max(1.0, last / TICKS)  # whole numbers, or shares
    power = 10.0 ** floor(log10(wanted))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= wanted - 1e-9)
    count = int(last / step + 1e-9)
    return [round(step * place, 6) for place in range(count + 1)]


def _svg(parts: Sequence[Html], height: float, alt: str) -> Html:
    return element(
        "svg",
        element("title", alt),
        joined(parts),
        viewBox=f"0 0 {WIDTH} {height:.0f}",
        width=WIDTH,
        height=f"{height:.0f}",
        role="img",
        aria_label=alt,
    )
