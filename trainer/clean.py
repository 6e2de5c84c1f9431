"""Takes the noise of typed chat out of a text, in named steps that can each be switched off.

The steps are the competition guide's rules, and always run in the order below, whatever order they
are named in. No step touches a tag such as #Person1#, so turns stay recognizable by their speakers
when `whitespace` has put a dialogue on one line.
"""

import re
from collections.abc import Callable, Collection

from trainer.errors import TrainerError

NEWLINES = re.compile(r"(?:\\r)?\\n")
LINE_BREAKS = re.compile(r"(?i)<\s*/?\s*br\s*/?\s*>")
LAUGHTER = re.compile(r"ㅋ+|ㅎ+")
CRYING = re.compile(r"ㅠ+|ㅜ+")
STRAY_JAMO = re.compile(r"[ㄱ-ㅎㅏ-ㅣ]+")


def _replacing(pattern: re.Pattern[str], replacement: str) -> Callable[[str], str]:
    return lambda text: pattern.sub(replacement, text)


# Laughter and crying: one word for each run of one letter, as the guide measured them.
STEPS: dict[str, Callable[[str], str]] = {
    "newlines": _replacing(NEWLINES, "\n"),
    "line_breaks": _replacing(LINE_BREAKS, "\n"),
    "laughter": _replacing(LAUGHTER, "웃음"),
    "crying": _replacing(CRYING, "슬픔"),
    "stray_jamo": _replacing(STRAY_JAMO, ""),
    "whitespace": lambda text: " ".join(text.split()),
}


def clean(text: str, steps: Collection[str]) -> str:
    """Return the text after the named steps (names of `STEPS`).

    newlines: a backslash followed by n becomes a line's end. line_breaks: so does <br>. laughter:
    runs of ㅋ and of ㅎ become 웃음. crying: runs of ㅠ and of ㅜ become 슬픔. stray_jamo: single
    letters that form no syllable go. whitespace: any run becomes one space, none at the ends.
    """
    unknown = [step for step in steps if step not in STEPS]
    if unknown:
        known = ", ".join(STEPS)
        raise TrainerError(f"there is no cleaning step {unknown[0]!r}; the steps are {known}")
    for name, step in STEPS.items():
        if name in steps:
            text = step(text)
    return text
