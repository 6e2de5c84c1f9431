"""The file that is handed in: its form, its last touches, and when it is refused."""

import csv
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trainer.submission
from trainer.data import Example
from trainer.errors import SubmissionError
from trainer.submission import Prediction, final_form, write_submission

TEST = [Example(f"test_{index}", "#Person1#: 안녕", ()) for index in (0, 1, 2, 10)]


def predicted(*fnames: str) -> list[Prediction]:
    return [Prediction(fname, f"{fname}의 요약이다.") for fname in fnames]


def refusal(predictions: list[Prediction], path: Path) -> str:
    with pytest.raises(SubmissionError) as refused:
        write_submission(predictions, TEST, path)
    assert not path.exists()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_submission_has_an_index_and_the_test_files_order(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    summaries = ["하나이다.", '쉼표, "인용"이다.', "#Person1#은  둘\n이다.</s>", ""]
    rows = zip(TEST, summaries, strict=True)
    write_submission([Prediction(test.fname, text) for test, text in rows], TEST, path)
    assert path.read_bytes().decode() == (
        ",fname,summary\n"
        "0,test_0,하나이다.\n"
        '1,test_1,"쉼표, ""인용""이다."\n'
        "2,test_2,#Person1#은 둘 이다.\n"
        "3,test_10,\n"
    )
    assert list(tmp_path.iterdir()) == [path]


def test_existing_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")
    write_submission(predicted("test_0", "test_1", "test_2", "test_10"), TEST, path)
    with path.open(encoding="utf-8", newline="") as file:
        assert [row[1] for row in csv.reader(file)] == ["fname", *(one.fname for one in TEST)]


@pytest.mark.parametrize(
    ("fnames", "reason"),
    [
        (
            ["test_0", "test_1", "test_2"],
            "3 predictions for 4 test dialogues; no summary for test_10",
        ),
        (
            ["test_0", "test_1", "test_2", "x"],
            "4 predictions for 4 test dialogues; no summary for test_10; x not in the test file",
        ),
        (
            ["test_0", "test_1", "test_1", "test_2", "test_10"],
            "5 predictions for 4 test dialogues; test_1 more than once",
        ),
        (
            [],
            "0 predictions for 4 test dialogues; no summary for test_0, test_1, test_2 and 1 more",
        ),
    ],
)
def test_other_rows_than_the_test_files_are_refused(
    tmp_path: Path, fnames: list[str], reason: str
) -> None:
    assert refusal(predicted(*fnames), tmp_path / "out.csv") == (
        f"{reason}; predict the test file and nothing else"
    )


def test_other_order_is_refused_with_the_first_difference(tmp_path: Path) -> None:
    message = refusal(predicted("test_0", "test_1", "test_10", "test_2"), tmp_path / "out.csv")
    assert message == (
        "the order is not the test file's: index 2 is 'test_10' where the test file has 'test_2'; "
        "keep the test file's order"
    )


def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "out.csv"
    with pytest.raises(SubmissionError, match=r"out\.csv: cannot be written: No such file or dir"):
        write_submission(predicted("test_0", "test_1", "test_2", "test_10"), TEST, path)


def test_what_is_no_regular_file_is_refused_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(SubmissionError, match="is no regular file"):
        write_submission(predicted(*(one.fname for one in TEST)), TEST, pipe)
    assert pipe.is_fifo()


def test_file_that_cannot_be_finished_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: str) -> str:
        raise OSError(28, "No space left on device")

    path = tmp_path / "out.csv"
    path.write_text("before")
    monkeypatch.setattr(trainer.submission, "final_form", full)
    with pytest.raises(SubmissionError, match="cannot be written: No space left on device"):
        write_submission(predicted("test_0", "test_1", "test_2", "test_10"), TEST, path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("summary", "final"),
    [
        ("#Person1#은  개를\n키운다. ", "#Person1#은 개를 키운다."),
        ("<s>개를 키운다.</s><pad><pad>", "개를 키운다."),
        ("개를 <usr>키운다.", "개를 키운다."),
        ("개를 키운다. #Person2#는 고양이를", "개를 키운다."),
        ("개를 키운다! 소를 키우나? 그리고 #Pers", "개를 키운다! 소를 키우나?"),
        ('"개를 키운다." 라고 말', '"개를 키운다."'),
        ("가격은 3.5달러라고 말", "가격은 3.5달러라고 말"),
        ("Mr. Green은 호텔로 돌아가야", "Mr. Green은 호텔로 돌아가야"),
        ("개를 키운다. 그리고 Dr. Kim에게", "개를 키운다."),
        ("끝이 없는 한 문장", "끝이 없는 한 문장"),
        ("그는 말한다…", "그는 말한다…"),
        ("<b>는 그대로 둔다.", "<b>는 그대로 둔다."),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_final_form(summary: str, final: str) -> None:
    assert final_form(summary) == final


@given(st.text(alphabet="가다.!?\"' \n3<s>/"))
def test_final_form_is_the_beginning_of_the_summary_and_stays(summary: str) -> None:
    final = final_form(summary)
    assert " ".join(summary.replace("<s>", " ").replace("</s>", " ").split()).startswith(final)
    assert final_form(final) == final
