"""A language model's score stands beside the search's, where `hpo baseline` left one."""

from hpo.report.document import Table
from hpo.report.results import results

KEPT = {
    "model": "solar<b>",
    "endpoint": "http://localhost:1/v1",
    "metric": "rouge_combined_f1",
    "value": 0.31,
    "dialogues": 40,
    "examples": 3,
    "cost": 0.125,
}


def tables(facts):
    return [block for block in results(facts).blocks if isinstance(block, Table)]


def test_a_model_on_the_same_metric_is_shown_beside_the_best(written):
    study = written()
    study.complete([0.3, 0.4])
    study.study.set_user_attr("hpo:baseline:solar", KEPT)
    study.study.set_user_attr("hpo:baseline:other", {**KEPT, "metric": "rougeL"})
    study.study.set_user_attr("hpo:baseline:broken", "x")
    (row,) = tables(study.facts())[1].rows
    assert row == (
        "solar<b>",
        "0.3100",
        "+0.0900",
        "40 dialogues, 3 examples in the prompt",
        "0.125",
    )


def test_without_one_nothing_is_said(written):
    study = written()
    study.complete([0.3, 0.4])
    assert len(tables(study.facts())) == 1
