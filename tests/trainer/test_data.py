"""From a configured place to examples; every refusal names file, row and column."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from config import sections
from trainer.data import DataFiles, Example, fingerprint, locate_data, read_examples
from trainer.errors import DataError

HEADER = "fname,dialogue,summary,topic\n"


def write(path: Path, text: str = HEADER) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(DataError) as refused:
        call()
    return str(refused.value)


def test_examples_keep_order_and_text(tmp_path: Path) -> None:
    path = write(tmp_path / "dev.csv", HEADER + 'b,"x\\n y ㅋㅋ\n z",요약,여행\na,y, 요약 둘 ,\n')
    assert read_examples(path, need_summary=True) == [
        Example("b", "x\\n y ㅋㅋ\n z", ("요약",), "여행"),
        Example("a", "y", (" 요약 둘 ",), None),
    ]


def test_further_summaries_are_further_references(tmp_path: Path) -> None:
    text = "fname,dialogue,summary,summary2,summary3\na,x,하나,둘,셋\nb,y,하나,,셋\n"
    examples = read_examples(write(tmp_path / "dev.csv", text), need_summary=True)
    assert [example.summaries for example in examples] == [("하나", "둘", "셋"), ("하나", "셋")]


def test_csv_and_jsonl_give_the_same_examples(tmp_path: Path) -> None:
    rows = [{"fname": "a", "dialogue": "x\ny", "summary": "요약", "topic": "여행"}]
    lines = "\n".join(json.dumps(row) for row in rows)
    from_lines = read_examples(write(tmp_path / "a.jsonl", lines), need_summary=True)
    table = write(tmp_path / "a.csv", HEADER + 'a,"x\ny",요약,여행\n')
    assert from_lines == read_examples(table, need_summary=True)


def test_test_file_needs_no_summaries(tmp_path: Path) -> None:
    path = write(tmp_path / "test.csv", "fname,dialogue\na,x\n")
    assert read_examples(path, need_summary=False) == [Example("a", "x", ())]
    assert refusal(lambda: read_examples(path, need_summary=True)) == (
        f"{path}, row 1: there is no column summary; there are fname, dialogue"
    )


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("a,,요약,", "dialogue"),
        ('a," \n ",요약,', "dialogue"),
        ("a,x,,", "summary"),
        (",x,y,", "fname"),
    ],
)
def test_empty_cell_that_is_needed_is_refused(tmp_path: Path, row: str, column: str) -> None:
    path = write(tmp_path / "train.csv", f'{HEADER}z,"x\ny",요약,\n{row}\n')
    assert refusal(lambda: read_examples(path, need_summary=True)) == (
        f"{path}, row 3, column {column}: is empty; fill it in or take the row out"
    )


def test_empty_summary_is_no_reference_where_none_is_needed(tmp_path: Path) -> None:
    path = write(tmp_path / "test.csv", HEADER + "a,x,,\nb,x,요약,\n")
    examples = read_examples(path, need_summary=False)
    assert [example.summaries for example in examples] == [(), ("요약",)]


def test_fname_that_comes_twice_is_refused_with_both_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", HEADER + "a,x,y,\nb,x,y,\na,z,w,\n")
    assert refusal(lambda: read_examples(path, need_summary=True)) == (
        f"{path}, row 4, column fname: 'a' is also in row 2; give each dialogue a name of its own"
    )


def test_header_without_rows_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv")
    message = refusal(lambda: read_examples(path, need_summary=True))
    assert message == f"{path}: there are no rows below the header"


def test_folder_may_mix_csv_and_jsonl(tmp_path: Path) -> None:
    train, dev = write(tmp_path / "train.csv"), write(tmp_path / "dev.jsonl")
    assert locate_data(str(tmp_path)) == DataFiles(train, dev, None)
    test = write(tmp_path / "test.csv")
    assert locate_data(str(tmp_path)) == DataFiles(train, dev, test)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"
    message = refusal(lambda: locate_data(str(folder)))
    assert message == (
        f"there is no folder {folder}, which general.data_path names; say where train and dev lie: "
        "--data FOLDER"
    )


def test_folder_without_dev_says_what_was_looked_for(tmp_path: Path) -> None:
    write(tmp_path / "train.csv")
    write(tmp_path / "valid.csv")
    assert refusal(lambda: locate_data(str(tmp_path))) == (
        f"no dev.csv or dev.jsonl in {tmp_path}, only train.csv, valid.csv; "
        "name each in the configuration: general.data_path: {train: a.csv, dev: b.csv}"
    )


def test_an_empty_folder_is_called_empty(tmp_path: Path) -> None:
    assert refusal(lambda: locate_data(str(tmp_path))) == (
        f"no train.csv or train.jsonl in {tmp_path}, which is empty; "
        "say where train and dev lie: --data FOLDER"
    )


def test_two_files_for_one_part_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "train.csv")
    write(tmp_path / "train.jsonl")
    assert refusal(lambda: locate_data(str(tmp_path))).startswith(
        f"{tmp_path} has train.csv and train.jsonl; take one away"
    )


def test_files_may_be_named_one_by_one(tmp_path: Path) -> None:
    train, dev = write(tmp_path / "a.csv"), write(tmp_path / "b.csv")
    named = sections.DataFiles(train=str(train), dev=str(dev))
    assert locate_data(named) == DataFiles(train, dev, None)
    missing = sections.DataFiles(train=str(train), dev=str(dev), test=str(tmp_path / "c.csv"))
    assert refusal(lambda: locate_data(missing)) == (
        f"there is no file {tmp_path / 'c.csv'}, which general.data_path.test names"
    )


def test_shipped_sample_can_be_read() -> None:
    files = locate_data("sample:dialogues")
    assert len(read_examples(files.train, need_summary=True)) == 240
    assert len(read_examples(files.dev, need_summary=True)) == 60


def test_fingerprint_follows_the_bytes_and_not_the_place(tmp_path: Path) -> None:
    def made(name: str, *, train: str, dev: str, test: str | None = None) -> str:
        folder = tmp_path / name
        folder.mkdir()
        write(folder / "train.csv", train)
        write(folder / "dev.csv", dev)
        if test is not None:
            write(folder / "test.csv", test)
        return fingerprint(locate_data(str(folder)))

    first = made("one", train="ab", dev="c")
    assert first == made("two", train="ab", dev="c", test="what is handed in does not matter")
    assert len({first, made("three", train="a", dev="bc"), made("four", train="c", dev="ab")}) == 3
    assert len(first) == 64


def test_fingerprint_of_a_file_that_went_away_is_refused(tmp_path: Path) -> None:
    gone = DataFiles(tmp_path / "train.csv", tmp_path / "dev.csv", None)
    assert refusal(lambda: fingerprint(gone)).startswith(f"{gone.train}: cannot be read: ")
