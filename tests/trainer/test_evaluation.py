"""An evaluation's numbers, as they are written to files and to the database."""

import json
from pathlib import Path

import pytest

from trainer.evaluation import Evaluation, Sample
from trainer.rouge import Scores


@pytest.fixture
def evaluation() -> Evaluation:
    return Evaluation(
        step=3,
        epoch=1.5,
        scores=Scores(0.1, 0.2, 0.3, 0.2),
        train_loss=2.5,
        eval_loss=2.25,
        learning_rate=3e-5,
        seconds=12.34567,
        samples=(Sample("dialogue_1", "하나", "둘"),),
        is_best=True,
        checkpoint=Path("out/evaluation-3"),
    )


def test_mapping_holds_the_numbers_by_name(evaluation: Evaluation) -> None:
    assert evaluation.as_mapping() == {
        "step": 3,
        "epoch": 1.5,
        "rouge1": 0.1,
        "rouge2": 0.2,
        "rougeL": 0.3,
        "rouge_combined_f1": 0.2,
        "train_loss": 2.5,
        "eval_loss": 2.25,
        "learning_rate": 3e-5,
        "seconds": 12.346,
    }


def test_mapping_comes_back_from_json_the_same(evaluation: Evaluation) -> None:
    mapping = evaluation.as_mapping()
    assert json.loads(json.dumps(mapping)) == mapping


def test_mapping_has_every_metric_under_its_name(evaluation: Evaluation) -> None:
    mapping = evaluation.as_mapping()
    for name in ("rouge1", "rouge2", "rougeL", "rouge_combined_f1"):
        assert mapping[name] == evaluation.scores.value(name)
