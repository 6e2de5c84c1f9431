"""Korean particles follow the sound that a word ends with: a Word picks the right one in `format`.

`"{item:을}".format(item=Word("우산"))` is 우산을, with Word("모자") it is 모자를.
"""

FIRST_SYLLABLE = 0xAC00  # 가; syllables stand in the order of their 28 possible final sounds
LAST_SYLLABLE = 0xD7A3  # 힣
FINALS = 28
FINAL_L = 8  # ㄹ, after which 으로 is 로
DIGIT_SOUNDS = dict(zip("0123456789", "영일이삼사오육칠팔구", strict=True))

# written after a final consonant: written after a vowel
PARTICLES = {
    "은": "는",
    "이": "가",
    "을": "를",
    "과": "와",
    "으로": "로",
    "이나": "나",
    "이에요": "예요",
    "이었어요": "였어요",
    "이야": "야",
    "이라고": "라고",
    "이고": "고",
    "이지": "지",
}


class Word(str):
    """A string whose format spec is a particle in the form it takes after a final consonant."""

    __slots__ = ()

    def __format__(self, particle: str) -> str:
        if not particle:
            return str(self)
        if particle not in PARTICLES:
            return f"{self}{particle}"  # 에, 에서, 에게, 의, 도: the same after every sound
        final = final_sound(self)
        after_vowel = final == 0 or (particle == "으로" and final == FINAL_L)
        return f"{self}{PARTICLES[particle] if after_vowel else particle}"


def final_sound(text: str) -> int:
    """Number of the last syllable's final consonant, 0 for none; #Person1# is read as 일.

    Raises ValueError when the text has no syllable or digit that it could end with.
    """
    spoken = text.rstrip("#")[-1:]
    spoken = DIGIT_SOUNDS.get(spoken, spoken)
    if not spoken or not FIRST_SYLLABLE <= ord(spoken) <= LAST_SYLLABLE:
        raise ValueError(f"{text!r} does not end in Korean, so no particle can follow it")
    return (ord(spoken) - FIRST_SYLLABLE) % FINALS
