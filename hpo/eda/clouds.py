"""A word cloud as a PNG: the larger a noun, the more often it is there."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from random import Random

from wordcloud import WordCloud

from hpo.eda.terms import Words

WIDTH, HEIGHT = 760, 320  # pixels of the page
SHARP = 2  # pixels of the picture for one of the page
SEED = 0  # the same words give the same picture
# Readable on white and on the dark page alike.
COLOURS = ("#2f7fd6", "#0f9d76", "#b0772a", "#c0559a", "#7a72d8")


def draw_cloud(words: Words, font: Path) -> bytes:
    """Return the picture, with nothing behind the words."""
    cloud = WordCloud(
        font_path=str(font),
        width=WIDTH,
        height=HEIGHT,
        mode="RGBA",
        background_color=None,
        prefer_horizontal=1.0,
        max_words=len(words.most),
        min_font_size=10,
        scale=SHARP,
        relative_scaling=0.5,
        random_state=Random(SEED),
        color_func=_colour,
    ).generate_from_frequencies(_frequencies(words))
    picture = io.BytesIO()
    cloud.to_image().save(picture, format="PNG", optimize=True)
    return picture.getvalue()


def as_url(png: bytes) -> str:
    """Return the picture as a URL that holds it."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _frequencies(words: Words) -> Mapping[str, float]:
    return {each.word: float(each.times) for each in words.most}


def _colour(word: str, *_: object, **__: object) -> str:
    return COLOURS[sum(map(ord, word)) % len(COLOURS)]
