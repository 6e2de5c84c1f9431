"""The analysis as one HTML page that needs nothing but itself: no script, no request."""

from collections.abc import Mapping, Sequence

from hpo.eda.analysis import Analysis
from hpo.eda.findings import Finding, findings
from hpo.eda.markup import Html, element, joined, table
from hpo.eda.sections_duplicates import duplicates_section
from hpo.eda.sections_lengths import lengths_section, ratios_section, turns_section
from hpo.eda.sections_words import (
    clouds_section,
    noise_section,
    tags_section,
    terms_section,
    topics_section,
)
from hpo.eda.style import STYLE

# Whatever stood in a data file: the browser runs no script and asks no server.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def render(analysis: Analysis, pictures: Mapping[str, bytes] | None) -> str:
    """Return the page; `pictures` are the word clouds by text, None: there is no Korean font."""
    sections: list[tuple[str, str, Html]] = [
        ("files", "Files", _files(analysis)),
        ("lengths", "Lengths and limits", lengths_section(analysis)),
        ("turns", "Turns and speakers", turns_section(analysis)),
        ("topics", "Topics", topics_section(analysis)),
        ("tags", "Tags and personal data", tags_section(analysis)),
        ("noise", "Noise and cleaning", noise_section(analysis)),
        ("terms", "Terms by topic", terms_section(analysis)),
        ("clouds", "Word clouds", clouds_section(analysis, pictures)),
        ("ratios", "Summaries against dialogues", ratios_section(analysis)),
        ("duplicates", "Duplicates and leaks", duplicates_section(analysis)),
    ]
    title = f"What is in {analysis.data}"
    body = element("main", _top(analysis, title, sections), joined(map(_section, sections)))
    return f"<!doctype html>\n{_document(title, body)}\n"


def _document(title: str, body: Html) -> Html:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("link", rel="icon", href="data:,"),  # else a browser asks a server for one
        element("title", title),
        element("style", Html(STYLE)),
    )
    return element("html", head, element("body", body), lang="en")


def _top(analysis: Analysis, title: str, sections: Sequence[tuple[str, str, Html]]) -> Html:
    about = f"Made by hpo eda on {analysis.made[:16].replace('T', ' ')} UTC, tokenizer "
    return joined(
        (
            element("h1", title),
            element("p", about, element("code", analysis.model), ".", class_="quiet"),
            element("ul", joined(map(_finding, findings(analysis))), class_="findings"),
            element(
                "nav",
                joined(element("a", head, href=f"#{name}") for name, head, _ in sections),
                aria_label="Sections",
            ),
        )
    )


def _finding(finding: Finding) -> Html:
    word = "Look:" if finding.look else "Fine:"
    return element(
        "li",
        element("b", word),
        finding.text,
        " ",
        element("a", "see", href=f"#{finding.section}"),
        class_="look" if finding.look else "fine",
    )


def _section(section: tuple[str, str, Html]) -> Html:
    name, head, content = section
    return element("section", element("h2", head), content, id=name)


def _files(analysis: Analysis) -> Html:
    rows = [
        [
            each.split,
            each.file,
            each.dialogues,
            each.with_summary,
            each.with_further_summaries,
            each.with_topic,
        ]
        for each in analysis.sizes
    ]
    heads = ["", "file", "dialogues", "with a summary", "with two or more", "with a topic"]
    return table(heads, rows, caption="What was read")
