"""What `hpo eda` does: measure, draw, and write the page and the JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from config.schema import Configuration
from hpo.eda.analysis import Analysis, analyse
from hpo.eda.clouds import draw_cloud
from hpo.eda.findings import findings
from hpo.eda.fonts import MISSING, find_font
from hpo.eda.page import render
from hpo.eda.splits import Split
from hpo.whole_file import write_whole


def write_report(
    config: Configuration,
    splits: Sequence[Split],
    *,
    page: Path,
    data: Path | None,
    font: Path | None,
    near: float,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> Analysis:
    """Analyse the configuration's files; write the page, and `data` (JSON) unless None.

    say: is told what is done next. warn: is told that there is no font, and so no word cloud.
    Raises WrongInput and TrainerError before anything is written.
    """
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
