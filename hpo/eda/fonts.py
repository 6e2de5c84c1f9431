"""A font with Korean letters for the word clouds: found on this machine, never fetched."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

from hpo.errors import WrongInput

# The first that is there is taken: ours by choice, then what the systems bring along.
FAMILIES = (
    "NanumGothic",
    "NanumBarunGothic",
    "Noto Sans CJK KR",
    "Noto Sans KR",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "AppleGothic",
    "UnDotum",
    "Baekmuk Gulim",
)
PACKAGE = "koreanize_matplotlib"  # on the package index; brings NanumGothic along
PLACES = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
SUFFIXES = (".ttf", ".otf", ".ttc")
FC_LIST_S = 20
LETTERS = "가힣"
MISSING = (
    "no word clouds: no font with Korean letters is here; apt-get install fonts-nanum"
    " (or pip install koreanize-matplotlib), or name one with --font FILE"
)


def find_font(given: Path | None) -> Path | None:
    """Return `given`, or else a font with Korean letters from this machine; None: it has none.

    Raises WrongInput where `given` is no font or has no Korean letters.
    """
    if given is None:
        return next((font for font in _candidates() if _has_korean(font)), None)
    if not _has_korean(given):
        raise WrongInput(
            f"--font {given} is no font with Korean letters; "
            "give a .ttf or .otf such as NanumGothic.ttf"
        )
    return given


def _candidates() -> Iterator[Path]:
    yield from _in_package()
    known = {font.name: Path(font.fname) for font in reversed(font_manager.fontManager.ttflist)}
    yield from (known[family] for family in FAMILIES if family in known)
    yield from _by_fontconfig()
    for place in PLACES:
        with suppress(RuntimeError):  # no home is known, as of a user id without a name
            found = sorted(Path(place).expanduser().rglob("*"))
            yield from (path for path in found if path.suffix.lower() in SUFFIXES)


def _in_package() -> Iterator[Path]:
    spec = find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        yield Path(folder) / "fonts" / "NanumGothic.ttf"


def _by_fontconfig() -> Iterator[Path]:
    """Ask fontconfig, which also knows fonts installed since matplotlib made its list."""
    program = shutil.which("fc-list")
    if program is None:
        return
    try:
        listed = subprocess.run(  # noqa: S603 - a program of the system, and no word of a user's
            [program, ":lang=ko", "--format", "%{file}\n"],
            capture_output=True,
            text=True,
            timeout=FC_LIST_S,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    paths = [Path(line) for line in sorted(listed.stdout.splitlines()) if line]
    yield from (path for path in paths if "Gothic" in path.name and "Bold" not in path.name)
    yield from (path for path in paths if path.suffix.lower() in SUFFIXES)


def _has_korean(font: Path) -> bool:
    try:
        letters = FT2Font(str(font)).get_charmap()
    except (OSError, RuntimeError, ValueError):  # no file, no font, a damaged one
        return False
    return all(ord(letter) in letters for letter in LETTERS)
