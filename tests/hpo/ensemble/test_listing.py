"""The list of an ensemble: read where it lies, refused where it is none."""

import json
import shutil
from pathlib import Path

import pytest

from hpo.ensemble.listing import Ensemble, chosen, read_list, write_list
from hpo.errors import HpoError, WrongInput


def test_a_list_may_be_moved_with_its_models(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "search", tmp_path / "elsewhere" / "model"
    folder.mkdir()
    ensemble = Ensemble((folder / "trial_00001" / "evaluation-3", elsewhere), "mbr", 4)
    write_list(folder / "ensemble.json", ensemble, facts={"study": "s"})
    assert read_list(folder / "ensemble.json") == ensemble
    assert json.loads((folder / "ensemble.json").read_text())["study"] == "s"
    moved = shutil.move(folder, tmp_path / "moved")
    models = (tmp_path / "moved" / "trial_00001" / "evaluation-3", elsewhere)
    assert read_list(Path(moved) / "ensemble.json").models == models


@pytest.mark.parametrize(
    "text",
    [
        "models",
        "[]",
        "{}",
        '{"combine": "votes", "models": ["a"]}',
        '{"combine": "mbr", "models": []}',
        '{"combine": "mbr", "models": 3}',
        '{"combine": "mbr", "models": ["a"], "candidates": 0}',
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HpoError, match="is no list of models"):
        read_list(path)


def test_the_command_line_may_say_otherwise_than_the_list(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    write_list(path, Ensemble((tmp_path / "a", tmp_path / "b"), "mbr", 3), facts={})
    assert chosen([path], combine=None, candidates=None).candidates == 3
    assert chosen([path], combine=None, candidates=5).candidates == 5
    assert chosen([path], combine="logits", candidates=None).combine == "logits"


def test_folders_need_a_word_on_how_they_are_combined(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    with pytest.raises(WrongInput, match="say how the models are combined"):
        chosen(folders, combine=None, candidates=None)
    with pytest.raises(WrongInput, match="logits make one summary"):
        chosen(folders, combine="logits", candidates=2)
    assert chosen(folders, combine="mbr", candidates=None) == Ensemble(tuple(folders), "mbr", 1)
