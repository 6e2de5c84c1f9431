"""Which font the word clouds are written with."""

from pathlib import Path

import matplotlib as mpl
import pytest

from hpo.eda import fonts
from hpo.errors import WrongInput

WITHOUT_KOREAN = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def test_a_font_with_korean_letters_is_found_and_can_be_named(font):
    assert fonts.find_font(font) == font
    assert fonts.find_font(None) == font


@pytest.mark.parametrize("content", [b"", b"no font", WITHOUT_KOREAN.read_bytes()])
def test_a_file_that_has_no_korean_letters_is_refused(tmp_path, content):
    path = tmp_path / "font.ttf"
    path.write_bytes(content)
    with pytest.raises(WrongInput, match="no font with Korean letters"):
        fonts.find_font(path)


def test_none_here_is_none(monkeypatch):
    monkeypatch.setattr(fonts, "_candidates", lambda: iter([WITHOUT_KOREAN, Path("gone.ttf")]))
    assert fonts.find_font(None) is None


def test_a_user_without_a_home_is_no_matter(monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.getuid", lambda: 4_294_967_290)
    monkeypatch.setattr(fonts, "_has_korean", lambda _: False)
    assert fonts.find_font(None) is None
