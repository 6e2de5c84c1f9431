"""Files that people really hand in: what is read, and the one line that says what is wrong."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import DataError
from trainer.tables import read_rows

HEADER = "fname,dialogue\n"
COLUMNS = ("fname", "dialogue")
QUOTE_IT = "put a text with commas, quotation marks or lines in quotation marks"


def write(folder: Path, text: str | bytes, *, name: str = "train.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as refused:
        read_rows(path, required=COLUMNS)
    message = str(refused.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def texts(path: Path) -> list[str]:
    return [row.cells["dialogue"] for row in read_rows(path, required=COLUMNS)]


def test_quoted_cell_of_many_lines_is_one_row(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + 'a,"#Person1#: ""안녕"", 하나\n#Person2#: 둘"\nb,셋\n')
    rows = read_rows(path, required=COLUMNS)
    assert [dict(row.cells) for row in rows] == [
        {"fname": "a", "dialogue": '#Person1#: "안녕", 하나\n#Person2#: 둘'},
        {"fname": "b", "dialogue": "셋"},
    ]
    assert [row.place for row in rows] == [f"{path}, row 2", f"{path}, row 3"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_any_line_end_and_a_byte_order_mark_are_read(tmp_path: Path, line_end: str) -> None:
    path = write(tmp_path, "\ufeff" + HEADER.replace("\n", line_end) + f"a,하나{line_end}b,둘")
    assert texts(path) == ["하나", "둘"]


@given(
    cells=st.lists(
        st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(
            str.strip
        ),
        min_size=1,
    )
)
def test_whatever_a_csv_writer_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([COLUMNS, *([c, c] for c in cells)])
    path = write(tmp_path_factory.mktemp("any"), buffer.getvalue())
    assert texts(path) == cells


def test_blank_lines_hold_no_row_but_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "a,하나\n\nb,둘\n\n\n")
    assert [row.place[-5:] for row in read_rows(path, required=COLUMNS)] == ["row 2", "row 4"]


def test_columns_that_nobody_asked_for_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, ",dialogue,note,fname,topic\n0,하나,x,a,여행\n")
    rows = read_rows(path, required=COLUMNS, optional=("topic", "summary"))
    assert dict(rows[0].cells) == {"fname": "a", "dialogue": "하나", "topic": "여행"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": the file is empty; it needs the columns fname, dialogue"),
        ("\ufeff \n", ": the file is empty; it needs the columns fname, dialogue"),
        (
            "fname,dialog\na,b\n",
            ", row 1: there is no column dialogue; rename dialog",
        ),
        ("x,y\n1,2\n", ", row 1: there is no column fname; there are x, y"),
        (
            "fname;dialogue\na;b\n",
            ", row 1: the columns are separated by ';'; save it with commas",
        ),
        (
            "fname,dialogue,dialogue\na,b,c\n",
            ", row 1: two columns are named dialogue",
        ),
        (
            HEADER + 'a,"x\ny"\nb,안녕, 반가워\n',
            f", row 3: has 3 cells, and the header names 2 columns; {QUOTE_IT}",
        ),
        (
            HEADER + "a\n",
            f", row 2: has 1 cells, and the header names 2 columns; {QUOTE_IT}",
        ),
    ],
)
def test_table_that_is_not_whole_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(write(tmp_path, text)) == message


@pytest.mark.parametrize(
    ("broken", "row"), [('a,"x\n', 2), ('a,x\nb,"x" y\n', 3), ('a,"' + "가" * 200_000, 2)]
)
def test_quotation_mark_that_is_out_of_place_is_found(
    tmp_path: Path, broken: str, row: int
) -> None:
    message = refusal(write(tmp_path, HEADER + broken))
    assert message.startswith(f", row {row}: ")
    assert message.endswith("; is a quotation mark missing, or one too many?")


def test_korean_windows_encoding_is_named_with_row_and_column(tmp_path: Path) -> None:
    text = HEADER + 'a,"one\ntwo"\nb,안녕\n'
    assert refusal(write(tmp_path, text.encode("cp949"))) == (
        ", row 3, column dialogue: byte 0xbe at position 29 is not UTF-8 (it looks like CP949, "
        "the encoding of Korean Windows); save it as UTF-8 (in Excel: CSV UTF-8)"
    )


def test_byte_that_is_wrong_in_the_middle_of_a_cell_is_found(tmp_path: Path) -> None:
    raw = b"\xef\xbb\xbf" + (HEADER + 'a,"안녕\n').encode() + b'\xff"\n'
    assert refusal(write(tmp_path, raw)) == (
        ", row 2, column dialogue: byte 0xff at position 28 is not UTF-8; "
        "save it as UTF-8 (in Excel: CSV UTF-8)"
    )


def test_wrong_byte_in_the_header_is_found(tmp_path: Path) -> None:
    assert refusal(write(tmp_path, b"fname,\xff\n")).startswith(", row 1: byte 0xff at position 6 ")


def test_utf16_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, (HEADER + "a,b\n").encode("utf-16"))
    assert refusal(path) == ": is written in UTF-16; save it as UTF-8 (in Excel: CSV UTF-8)"


def test_missing_file_folder_and_other_kinds_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "train.csv") == ": there is no such file"
    (tmp_path / "folder.csv").mkdir()
    assert refusal(tmp_path / "folder.csv") == ": is no file"
    assert refusal(tmp_path / "train.xlsx") == ": data files end in .csv or .jsonl"


def jsonl(folder: Path, text: str | bytes) -> Path:
    return write(folder, text, name="train.jsonl")


def test_each_line_of_jsonl_is_a_row(tmp_path: Path) -> None:
    line = '{"fname": "a", "dialogue": "하나\\n둘\u2028셋", "extra": 5}'
    path = jsonl(tmp_path, f'{line}\r\n\n{{"fname": "b", "dialogue": null}}')
    rows = read_rows(path, required=COLUMNS)
    assert [dict(row.cells) for row in rows] == [
        {"fname": "a", "dialogue": "하나\n둘\u2028셋"},
        {"fname": "b", "dialogue": ""},
    ]
    assert [row.place for row in rows] == [f"{path}, line 1", f"{path}, line 3"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"fname": "b", "dialog": "x"}', "there is no column dialogue; rename dialog"),
        ("{}", "there is no column fname; there are none"),
        ('["b", "x"]', 'is not a JSON object; each line is one, as in {"fname": …}'),
        (
            '{"fname": "b", "dialogue": "x"',
            "is not JSON (Expecting ',' delimiter at character 31); each line is one object",
        ),
    ],
)
def test_line_that_is_no_example_is_refused(tmp_path: Path, line: str, message: str) -> None:
    path = jsonl(tmp_path, f'{{"fname": "a", "dialogue": "x"}}\n{line}\n')
    assert refusal(path) == f", line 2: {message}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("7", "7 is not a text; put it in quotes"),
        ("[1]", "[1] is not a text; put it in quotes"),
        ('"\\ud800"', r"holds half a character (\ud800 to \udfff)"),
    ],
)
def test_value_that_is_no_text_is_refused(tmp_path: Path, value: str, message: str) -> None:
    path = jsonl(tmp_path, f'{{"fname": "a", "dialogue": {value}}}')
    assert refusal(path) == f", line 1, column dialogue: {message}"


def test_wrong_byte_in_jsonl_is_found_by_its_line(tmp_path: Path) -> None:
    path = jsonl(tmp_path, b'{"fname": "a", "dialogue": "x"}\n{"fname": "\xb0')
    assert refusal(path).startswith(", line 2: byte 0xb0 at position 43 is not UTF-8")
