"""`scores.json`: the curve as a file, and the best model's folder found by it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.curve import Curve
from trainer.errors import TrainerError
from trainer.scores import best_model, write_scores

MakeCurve = Callable[..., Curve]


def put_model(folder: Path) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def test_file_holds_the_curve_and_names_the_best_model(
    make_curve: MakeCurve, tmp_path: Path
) -> None:
    curve = make_curve(0.1, 0.4, 0.3, folder=tmp_path)
    write_scores(tmp_path, curve)
    report = json.loads((tmp_path / "scores.json").read_text())
    assert report == {
        "metric": "rouge1",
        "value": 0.4,
        "best": {**curve.evaluations[1].as_mapping(), "checkpoint": "evaluation-2"},
        "evaluations": [each.as_mapping() for each in curve.evaluations],
    }


def test_file_is_replaced_whole(make_curve: MakeCurve, tmp_path: Path) -> None:
    for count in (1, 2, 3):
        write_scores(tmp_path, make_curve(*[0.1] * count, folder=tmp_path))
    report = json.loads((tmp_path / "scores.json").read_text())
    assert len(report["evaluations"]) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"]


def test_scores_come_back_to_the_last_digit(make_curve: MakeCurve, tmp_path: Path) -> None:
    value = 0.1 + 0.2
    write_scores(tmp_path, make_curve(value, folder=tmp_path))
    assert json.loads((tmp_path / "scores.json").read_text())["value"] == value


def test_trainings_folder_leads_to_its_best_model(make_curve: MakeCurve, tmp_path: Path) -> None:
    best = put_model(tmp_path / "evaluation-2")
    write_scores(tmp_path, make_curve(0.1, 0.4, 0.3, folder=tmp_path))
    assert best_model(tmp_path) == best


def test_models_own_folder_is_taken_as_it_is(make_curve: MakeCurve, tmp_path: Path) -> None:
    model = put_model(tmp_path / "evaluation-1")
    write_scores(model, make_curve(0.1, 0.4, folder=tmp_path))
    assert best_model(model) == model


def test_training_that_was_moved_is_still_found(make_curve: MakeCurve, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    put_model(old / "evaluation-1")
    write_scores(old, make_curve(0.1, folder=old))
    moved = old.rename(tmp_path / "moved")
    assert best_model(moved) == moved / "evaluation-1"


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "{}", '{"best": 3}', '{"best": {"checkpoint": 3}}']
)
def test_folder_without_a_model_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "scores.json").write_text(text)
    with pytest.raises(TrainerError, match="holds no model; give the folder of a training"):
        best_model(tmp_path)


def test_name_in_the_file_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    put_model(tmp_path / "elsewhere")
    (tmp_path / "training").mkdir()
    report = {"best": {"checkpoint": "../elsewhere"}}
    (tmp_path / "training" / "scores.json").write_text(json.dumps(report))
    with pytest.raises(TrainerError, match="names elsewhere as its best model, but that is not"):
        best_model(tmp_path / "training")
