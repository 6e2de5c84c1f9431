"""What `hpo eda` does: measure, draw, and write the page and the JSON."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from config.schema import Configuration
from hpo.eda.analysis import Analysis, analyse
from hpo.eda.clouds import draw_cloud
from hpo.eda.findings import findings
from hpo.eda.fonts import MISSING, find_font
from hpo.eda.page import render
from hpo.eda.splits import Split, read_splits
from hpo.errors import HpoError, WrongInput
from hpo.whole_file import write_whole


def write_report(
    config: Configuration,
    *,
    page: Path,
    data: Path | None,
    font: Path | None,
    near: float,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> Analysis:
    """Analyse the files of the configuration; write the page, and `data` (JSON) unless None.

    say: is told what is done next. warn: is told that there is no font, and so no word cloud.
    Raises WrongInput, HpoError and TrainerError before anything is written.
    """
    splits = read_splits(config)
    _check_places(page, data, splits)
    found = find_font(font)
    if found is None:
        warn(MISSING)
    analysis = analyse(config, splits, near=near, say=say)
    say("page")
    written = render(analysis, None if found is None else draw_clouds(analysis, found))
    if data is not None:
        write_whole(data, as_json(analysis))
    write_whole(page, written)
    return analysis


def as_json(analysis: Analysis) -> str:
    """Return the analysis and its findings as JSON."""
    content = {**asdict(analysis), "findings": [asdict(each) for each in findings(analysis)]}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def draw_clouds(analysis: Analysis, font: Path) -> Mapping[str, bytes]:
    """Return the word clouds by the text whose words they hold, as PNG."""
    return {words.text: draw_cloud(words, font) for words in analysis.words}


def _check_places(page: Path, data: Path | None, splits: tuple[Split, ...]) -> None:
    """Refuse what would fail, or overwrite what was read, after the minutes of work."""
    if data is not None and data.resolve() == page.resolve():
        raise WrongInput(f"--out and --json both name {page}; give each a file of its own")
    for place in filter(None, (page, data)):
        if not place.parent.is_dir():
            raise HpoError(f"cannot write {place}: there is no folder {place.parent}")
        if any(place.resolve() == split.path.resolve() for split in splits):
            raise WrongInput(f"{place} is a data file; write the page elsewhere")
