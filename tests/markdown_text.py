"""Markdown as the tests of the documents need it: its code, its links and its headings."""

import re
from dataclasses import dataclass

FENCE = re.compile(r"^ *```(\w*)$")
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Line:
    """A line of a document; `kind` is text, code (indented or fenced) or fence."""

    kind: str
    text: str
    language: str = ""


def lines(document):
    """Every line with its kind; code is given without its indentation."""
    found, language, before = [], None, "text"
    for raw in document.splitlines():
        fence = FENCE.match(raw)
        if fence:
            language = None if language is not None else fence[1]
            before = "fence"
        elif language is not None:
            before = "code"
        elif raw.strip():
            # After a blank line four spaces begin code; in a list there are more before them.
            indented = raw.startswith("    ") and before in ("blank", "code")
            before = "code" if indented else "text"
        elif before != "code":
            before = "blank"
        found.append(Line("text" if before == "blank" else before, raw, language or ""))
    return found


def fenced(document, language):
    """The texts of the fenced blocks in one language."""
    blocks, inside = [], False
    for line in lines(document):
        if line.kind == "fence":
            inside = line.language == language and not inside
            if inside:
                blocks.append([])
        elif inside:
            blocks[-1].append(line.text)
    return [_flush_left(block) for block in blocks]


def code_lines(document, *, languages=("", "sh")):
    """The lines of code blocks in these languages, those that end in a backslash joined."""
    code = [
        line.text.strip() if line.kind == "code" and line.language in languages else ""
        for line in lines(document)
    ]
    return "\n".join(code).replace("\\\n", " ").splitlines()


def spans(document):
    """The inline code of the text, with whether it stands in a table."""
    return [
        (span.replace("\\|", "|"), line.text.lstrip().startswith("|"))
        for line in lines(document)
        if line.kind == "text"
        for span in SPAN.findall(line.text)
    ]


def links(document):
    """The targets of all links and images."""
    return [
        target
        for line in lines(document)
        if line.kind == "text"
        for target in LINK.findall(SPAN.sub("", line.text))
    ]


def anchors(document):
    """What a link may name in the document, as GitHub makes it from the headings."""
    heads = [line.text.lstrip("# ") for line in lines(document) if line.text.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def _flush_left(block):
    least = min((len(line) - len(line.lstrip()) for line in block if line.strip()), default=0)
    return "\n".join(line[least:] for line in block) + "\n"
