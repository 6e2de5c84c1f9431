"""The page in a real browser, and what of a data file may not get into it."""

from dataclasses import replace

import chromium
import pytest

from hpo.eda.page import render
from hpo.eda.write import draw_clouds

EVIL = '<script>alert(1)</script><img src="http://127.0.0.1:9/x.png" onerror="alert(2)">'
NARROW = {"width": 390, "height": 800}
SIZES = """() => [...document.querySelectorAll("img, svg")].map(
    each => each.tagName == "IMG" ? [each.naturalWidth, each.naturalHeight]
                                  : [each.viewBox.baseVal.width, each.viewBox.baseVal.height])"""


@pytest.fixture
def written(analysis, font, tmp_path):
    hostile = tuple(replace(each, topic=EVIL, terms=each.terms) for each in analysis.terms)
    path = tmp_path / "eda.html"
    path.write_text(
        render(replace(analysis, terms=hostile, data=EVIL), draw_clouds(analysis, font)),
        encoding="utf-8",
    )
    return path


def test_the_page_needs_nothing_but_itself_and_shows_every_picture(browser, written):
    asked, said = [], []
    with chromium.page("about:blank") as page:
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(written.as_uri())
        page.wait_for_load_state("networkidle")
        sizes = page.evaluate(SIZES)
        alts = page.evaluate("[...document.images].map(each => each.alt)")
        page.set_viewport_size(NARROW)
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        for name in page.evaluate("[...document.querySelectorAll('nav a')].map(a => a.hash)"):
            assert page.locator(name).count() == 1
    assert [url for url in asked if not url.startswith("data:")] == [written.as_uri()]
    assert said == []
    assert len(sizes) >= 2 + 6
    assert all(width > 100 and height > 100 for width, height in sizes)
    assert all("word cloud" in alt for alt in alts)
    assert overflow <= 0


def test_texts_of_the_data_are_shown_as_they_are_and_never_become_code(written):
    text = written.read_text(encoding="utf-8")
    assert "<script" not in text
    assert EVIL not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_without_a_font_the_words_are_a_table(analysis):
    page = render(analysis, None)
    assert "apt-get install fonts-nanum" in page
    assert "Most frequent nouns of the dialogues of train" in page
    assert "<img" not in page
