"""What every topic's sentences share: the form they are written in, common slots, and noise.

A scene is a text with one line for each thing said, so that material reads like a script:

    A 내일 {place:으로} 갈까?      a turn of speaker A, slots in braces, particles after a colon
    / 내일은 {place} 어때?         another wording of the turn above
    B? 좋지{laugh}                 a turn that is left out half of the time; such turns in a row
                                   are said or left out together
    = {A:은} {place:으로} 간다.    a sentence of the summary

`{day}` and `{day2}` are two different values of the slot `day`. A slot named `food/taste` draws
both at once from values such as `국수/매운`. Speakers are numbered in the order they first speak.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """A topic's name as it stands in the CSV, its slots, and its scenes in the form above."""

    name: str
    slots: Mapping[str, tuple[str, ...]]
    scenes: tuple[str, ...]


COMMON_SLOTS: Mapping[str, tuple[str, ...]] = {
    "day": ("월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일"),
    "time": ("오전 9시", "오전 11시", "오후 1시", "오후 2시", "오후 4시", "저녁 7시"),
    "name": ("지민", "서준", "하은", "도윤", "수아", "민재"),
    "excuse": ("회의가 있어서", "시험이 있어서", "출장을 가서", "가족 모임이 있어서"),
}

# Drawn anew at each place where a scene has {laugh} or {cry}; most places stay clean.
LAUGHS = ("", "", " ㅋㅋ", " ㅋㅋㅋ", "ㅎㅎ", " ㅋㅋㅋㅋㅋ", " ㅎㅎㅎ")
TEARS = ("", "", " ㅠㅠ", "ㅠㅠㅠ", " ㅜㅜ", " ㅠ")

# What parts the turns: of a dozen dialogues one has a literal \n and one has <br>.
LINE_BREAKS = ("\n",) * 10 + ("\\n", "<br>")
