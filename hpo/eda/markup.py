"""HTML as values: what is not HTML yet is escaped, so that no text of a data file becomes code."""

import re
from collections.abc import Iterable, Sequence
from html import escape

NUMBER = re.compile(r"[0-9][0-9,.]*(?: %| \([0-9,]+\))?|–")  # 12, 3.5 %, 1,212 (240)
VOID = frozenset({"img", "meta", "link", "br", "rect", "line"})


class Html(str):
    """A text that is HTML already."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: object) -> Html:
    """Return an element; `class_` and `aria_label` are the attributes class and aria-label."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Html(f"<{name}{said}/>")
    return Html(f"<{name}{said}>{joined(children)}</{name}>")


def joined(parts: Iterable[str]) -> Html:
    """Return the parts one after the other."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str) -> Html:
    """Return a table; columns of numbers (and of numbers as text) stand to the right."""
    written = [[_shown(cell) for cell in row] for row in rows]
    numeric = [
        bool(written) and all(_is_number(row[place]) for row in written)
        for place in range(len(heads))
    ]
    classes = ["number" if each else None for each in numeric]
    head = joined(
        element("th", text, scope="col", class_=kind)
        for text, kind in zip(heads, classes, strict=True)
    )
    body = joined(
        element("tr", joined(element("td", cell, class_=kind) for cell, kind in zip(row, classes)))  # noqa: B905 - as long as the heads, checked above
        for row in written
    )
    inside = joined(
        (element("caption", caption), element("thead", element("tr", head)), element("tbody", body))
    )
    # Reached by keyboard too, as it may be wider than the window.
    return element(
        "div",
        element("table", inside),
        class_="wide",
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def bar(share: float) -> Html:
    """Return a bar that fills `share` (0 to 1) of its cell; figures stand beside it."""
    inside = element("span", class_="fill", style=f"width:{100 * share:.1f}%")
    return element("span", inside, class_="bar", aria_hidden="true")


def percent(share: float) -> str:
    """Return a share as people read it: 0 %, 0.04 %, 1.6 %, 32.1 %."""
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    return f"{100 * share:.{1 if share >= 0.001 else 3}f} %"  # noqa: PLR2004 - a tenth of 1 %


def number(value: float) -> str:
    """Return a number with commas, and one decimal where it has any."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _shown(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int | float):
        return number(cell)
    return "–" if cell is None else cell if isinstance(cell, str) else str(cell)


def _is_number(cell: str) -> bool:
    return not isinstance(cell, Html) and NUMBER.fullmatch(cell) is not None
