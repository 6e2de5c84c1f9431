"""The question: what a summary is, a few dialogues with theirs, and the dialogue.

The examples are drawn from the training file by the seed alone, and are the same for all dialogues:
so they can be looked at, and servers that keep a prompt's beginning read it once.
"""

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from trainer.clean import clean
from trainer.data import Example

INSTRUCTION = (
    "당신은 한국어 대화를 요약합니다. 대화를 읽고 핵심 내용을 한두 문장으로 요약하세요. "
    "화자는 #Person1#처럼 대화에 적힌 그대로 부르고, "
    "#PhoneNumber#처럼 가려진 정보도 그대로 둡니다. "
    "대화에 없는 내용은 쓰지 않습니다. 요약문만 쓰고 제목이나 설명은 덧붙이지 마세요."
)
LINES = ("newlines", "line_breaks")  # written out in the data; turns stay on lines of their own
# Some servers put <think> into the prompt themselves, so that the answer begins behind it.
THINKING = re.compile(r"\A(?:(?!<think>).)*?</think>|<think>.*?(?:</think>|\Z)", re.DOTALL)


def draw_examples(train: Sequence[Example], count: int, *, seed: int) -> list[Example]:
    """Draw the examples to show, at most as many as there are."""
    return random.Random(f"baseline/{seed}").sample(list(train), min(count, len(train)))


def messages(examples: Sequence[Example], dialogue: str) -> list[dict[str, str]]:
    """Return the chat that asks for a dialogue's summary."""
    shown = [
        turn
        for example in examples
        for turn in (
            _turn("user", _dialogue(example.dialogue)),
            _turn("assistant", example.summaries[0].strip()),
        )
    ]
    return [_turn("system", INSTRUCTION), *shown, _turn("user", _dialogue(dialogue))]


def body(
    model: str, chat: Sequence[Mapping[str, str]], *, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is sent; a parameter that is None is left out."""
    whole = {"model": model, "messages": list(chat), "temperature": 0, **parameters}
    return {name: value for name, value in whole.items() if value is not None}


def summary_of(text: str) -> str:
    """Return an answer as a summary: on one line, without what a model thought aloud."""
    return " ".join(THINKING.sub(" ", text).split())


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _dialogue(text: str) -> str:
    return f"대화:\n{clean(text, LINES).strip()}\n\n요약:"
