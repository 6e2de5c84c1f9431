"""`hpo check --submission`: what is wrong with a file is named, and what is right passes."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from hpo.check import submission as checks
from hpo.check.submission import Row
from hpo.cli import main
from hpo.submission_source import keep_source, source_file
from trainer.data import Example
from trainer.scores import ALL_DATA
from trainer.submission import Prediction, final_form, write_submission

FNAMES = tuple(f"test_{number}" for number in range(6))
SUMMARY = "#Person1#은 #Person2#에게 3.5시에 만나자고 한다."
EXAMPLES = [Example(name, "말", ()) for name in FNAMES]
SCORES = {
    "metric": "rouge_combined_f1",
    "value": 0.4856,
    "best": {"rouge_combined_f1": 0.4856, "epoch": 7.0, "step": 7, "checkpoint": None},
    "evaluations": [{"rouge_combined_f1": 0.4, "epoch": 1.0, "step": 1}],
}


def rows(*summaries: str, fnames: Sequence[str] = FNAMES) -> list[Row]:
    """Rows with these summaries; a good one where none is given."""
    given_ones = [*summaries, *[SUMMARY] * (len(fnames) - len(summaries))]
    pairs = zip(fnames, given_ones, strict=True)
    return [Row(str(index), name, text) for index, (name, text) in enumerate(pairs)]


@pytest.fixture
def test_file(tmp_path: Path) -> Path:
    path = tmp_path / "test.csv"
    lines = ["fname,dialogue", *(f"{name},말" for name in FNAMES)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "scores.json").write_text(json.dumps(SCORES), encoding="utf-8")
    return folder


@pytest.fixture
def good(tmp_path: Path, test_file: Path) -> Path:
    path = tmp_path / "submission.csv"
    write_submission([Prediction(name, SUMMARY) for name in FNAMES], EXAMPLES, path)
    return path


@pytest.fixture
def hpo_check(test_file: Path) -> Callable[..., Result]:
    def run(file: Path, *words: str) -> Result:
        words = ("check", "--submission", str(file), "--data", str(test_file), *words)
        return CliRunner().invoke(main, words, prog_name="hpo")

    return run


def levels(result: Result) -> dict[str, str]:
    return {each["name"]: each["level"] for each in json.loads(result.stdout)["findings"]}


def test_what_hpo_predict_wrote_passes_with_its_models_score(
    good: Path, model: Path, test_file: Path
) -> None:
    keep_source(good, [model], test_file)
    words = ["check", "--submission", str(good)]  # the test file is known too
    result = CliRunner().invoke(main, words, prog_name="hpo")
    assert result.exit_code == 0, result.output
    assert "rouge_combined_f1 0.4856 on dev after epoch 7" in result.output
    assert result.output.splitlines()[-1] == "8 ok"


def test_a_file_changed_since_is_not_taken_for_the_models(
    good: Path, model: Path, test_file: Path, hpo_check
) -> None:
    keep_source(good, [model], test_file)
    good.write_text(good.read_text(encoding="utf-8").replace("만나자", "보자"), encoding="utf-8")
    result = hpo_check(good)
    assert result.exit_code == 0
    assert "changed since it was written" in result.output


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"sha256": 1}', "\x00"])
def test_a_damaged_note_beside_the_file_is_no_note(good: Path, text: str, hpo_check) -> None:
    source_file(good).write_text(text, encoding="utf-8")
    assert "which model wrote the file is not known" in hpo_check(good).output


def test_models_that_are_gone_cost_a_warning(good: Path, tmp_path: Path, test_file, hpo_check):
    keep_source(good, [tmp_path / "gone"], test_file)
    assert levels(hpo_check(good, "--json"))["score"] == "warning"


def test_a_final_model_is_judged_by_its_trial(good: Path, model: Path, test_file, hpo_check):
    scores = {**SCORES, "value": None, "trained_on": ALL_DATA}
    (model / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    keep_source(good, [model], test_file)
    (finding,) = [
        each
        for each in json.loads(hpo_check(good, "--json").stdout)["findings"]
        if each["name"] == "score"
    ]
    assert (finding["level"], finding["mend"]) == (
        "warning",
        "that of its trial counts, see: hpo best",
    )


def test_the_model_that_is_named_counts(good: Path, model: Path, hpo_check) -> None:
    assert levels(hpo_check(good, "--model", str(model), "--json"))["score"] == "ok"
    result = hpo_check(good, "--model", str(model.parent / "none"))
    assert result.exit_code == 1
    assert "no readable scores.json" in result.output


def test_a_kept_models_score_is_its_own_evaluations(good: Path, model: Path, hpo_check) -> None:
    (model / "evaluation-1").mkdir()
    output = hpo_check(good, "--model", str(model / "evaluation-1")).output
    assert "0.4000 on dev after epoch 1" in output


def test_several_models_are_all_named(good: Path, model: Path, test_file, hpo_check) -> None:
    keep_source(good, [model, model], test_file, combine="mbr", num_beams=8)
    output = hpo_check(good).output
    assert output.count("0.4856") == 2
    assert "combined by mbr" in output
    assert "--num-beams 8" in output


def bytes_of(*lines: str, encoding: str = "utf-8") -> bytes:
    return ("\n".join(lines) + "\n").encode(encoding)


GOOD_LINES = tuple(f"{index},{name},{SUMMARY}" for index, name in enumerate(FNAMES))


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "file", "empty"),
        (bytes_of("x,fname,summary", *GOOD_LINES), "header", "x,fname"),
        (bytes_of(",fname,text", *GOOD_LINES), "file", "no column summary"),
        (bytes_of(",fname,summary", *GOOD_LINES, encoding="cp949"), "file", "CP949"),
        (bytes_of(",fname,summary", *GOOD_LINES, "6,test_6"), "file", "2 cells"),
        (bytes_of(",fname,summary", *GOOD_LINES[:-1]), "rows", "no summary for: test_5"),
        (bytes_of(",fname,summary", *GOOD_LINES, GOOD_LINES[0]), "rows", "more than once: test_0"),
        (bytes_of(",fname,summary", *GOOD_LINES, "6,x,다."), "rows", "not in the test file: x"),
        (bytes_of(",fname,summary", *reversed(GOOD_LINES)), "order", "row 0 is test_5"),
        (bytes_of(",fname,summary", *[f"1{x}" for x in GOOD_LINES]), "order", "'10'"),
        (bytes_of(",fname,summary", "0,test_0, ", *GOOD_LINES[1:]), "empty", "test_0"),
        (bytes_of(",fname,summary", "0,test_0,가</s>.", *GOOD_LINES[1:]), "tokens", "</s>"),
        (bytes_of(",fname,summary", r"0,test_0,가\n나.", *GOOD_LINES[1:]), "tokens", r"\n"),
    ],
)
def test_what_is_wrong_fails_with_its_own_line(
    tmp_path: Path, content: bytes, name: str, says: str, hpo_check
) -> None:
    file = tmp_path / "submission.csv"
    file.write_bytes(content)
    result = hpo_check(file, "--json")
    assert result.exit_code == 1
    failures = [x for x in json.loads(result.stdout)["findings"] if x["level"] == "failure"]
    assert name in [each["name"] for each in failures]
    failure = next(each for each in failures if each["name"] == name)
    assert says in failure["text"]
    assert failure["mend"]
    assert len(failures) == 1 + (name == "header")  # without its header the index is missing too


@pytest.mark.parametrize("file", ["none.csv", "submission.txt", "."])
def test_what_is_no_csv_file_is_one_line(tmp_path: Path, file: str, hpo_check) -> None:
    result = hpo_check(tmp_path / file)
    assert result.exit_code in {1, 2}
    assert "Traceback" not in result.output


def test_without_a_test_file_it_is_asked_for(good: Path) -> None:
    result = CliRunner().invoke(main, ["check", "--submission", str(good)], prog_name="hpo")
    assert result.exit_code == 2
    assert "--data" in result.output


def test_a_submission_that_is_not_there_is_said_before_its_test_file_is_asked_for(tmp_path: Path):
    result = CliRunner().invoke(main, ["check", "--submission", str(tmp_path / "typo.csv")])
    assert result.exit_code == 2
    assert "typo.csv: there is no such file" in result.stderr


def test_a_folder_with_the_test_file_will_do(good: Path, test_file: Path) -> None:
    words = ["check", "--submission", str(good), "--data", str(test_file.parent)]
    assert CliRunner().invoke(main, words, prog_name="hpo").exit_code == 0


@pytest.mark.parametrize("text", ["만나자고 한다", "그는 3.5", "했다. 그리고", "한다.<"])
def test_an_unfinished_summary_is_a_warning(text: str) -> None:
    found = checks.cut_off(rows(text))
    assert found.level == "warning"
    assert "1 of 6" in found.text
    assert "test_0" in found.text


@pytest.mark.parametrize("text", ["한다.", "한다!", '"좋아."', "(웃었다.)", "한다… ", "뭐?"])
def test_a_finished_one_is_none(text: str) -> None:
    assert checks.cut_off(rows(text)).level == "ok"


@pytest.mark.parametrize("own", ["[BOS]", "▁끝", "#End#"])
def test_the_models_own_tokens_are_found_whatever_they_look_like(own: str) -> None:
    assert checks.tokens(rows(f"말{own}."), []).level == "ok"
    assert own in checks.tokens(rows(f"말{own}."), [own]).text


@given(text=st.text(), place=st.integers(0, 5))
def test_a_summary_in_final_form_has_no_tokens(text: str, place: int) -> None:
    clean = final_form(text.replace("\\", "").replace("<", ""))
    found = checks.tokens(rows(*[SUMMARY] * place, clean), [])
    assert (found.level == "failure") == bool(checks.BROKEN.search(clean))


@given(st.permutations(FNAMES))
def test_any_other_order_is_found_and_only_that(names: list[str]) -> None:
    found = checks.order(rows(fnames=names), EXAMPLES)
    assert (found.level == "ok") == (tuple(names) == FNAMES)
    assert checks.rows_there(rows(fnames=names), EXAMPLES).level == "ok"


@given(st.lists(st.sampled_from([*FNAMES, "x", "y"]), max_size=9))
def test_rows_pass_only_as_the_test_files(names: list[str]) -> None:
    found = checks.rows_there(rows(fnames=names), EXAMPLES)
    assert (found.level == "ok") == (sorted(names) == sorted(FNAMES))


def test_every_line_of_a_file_that_cannot_be_read_comes(tmp_path: Path, hpo_check) -> None:
    file = tmp_path / "s.csv"
    file.write_bytes(b"\xff\xfe")
    found = levels(hpo_check(file, "--json"))
    assert found.pop("file") == "failure"
    assert set(found.values()) == {"warning"}
    assert len(found) == 7


def test_korean_and_commas_come_back_whole(tmp_path: Path, test_file: Path) -> None:
    path = tmp_path / "s.csv"
    told = '그는 "네, 그럼요"라고 했다.'
    write_submission([Prediction(name, told) for name in FNAMES], EXAMPLES, path)
    assert {row.summary for row in checks.read_submission(path).rows} == {told}
    with path.open(encoding="utf-8") as file:
        assert len(list(csv.reader(file))) == 7
