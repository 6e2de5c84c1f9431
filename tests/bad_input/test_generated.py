"""Inputs that nobody thought of: whatever is generated is used or refused, never a traceback."""

import string

import pytest
from bad_input.data_files import GOOD
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.errors import ConfigError
from config.load import dump, load
from hpo.cli import main
from hpo.errors import BadStudyName
from hpo.study import check_name
from storage.errors import BadURL
from storage.url import StorageURL
from trainer.data import read_examples
from trainer.errors import DataError

SECRET = "Zq7xW9vK"
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
DEMO = dump(load("demo"))
FIELDS = [
    f"{section}.{field}"
    for section, values in load("demo").model_dump(mode="json").items()
    for field in (values or {})
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


def one_line(error: Exception, says: str = "") -> None:
    said = str(error)
    assert said.strip()
    assert says in said
    assert len(said.splitlines()) == 1
    assert len(said) < 1000


@FEW
@given(content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_a_configuration_or_refused(tmp_path, content: bytes) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    try:
        load(str(path))
    except ConfigError as error:
        one_line(error)


@FEW
@given(
    start=st.integers(0, len(DEMO) - 1),
    cut=st.integers(0, 30),
    put_in=st.text(string.printable, max_size=10),
)
def test_any_edit_of_a_good_file_is_a_configuration_or_refused(
    tmp_path, start: int, cut: int, put_in: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(DEMO[:start] + put_in + DEMO[start + cut :], encoding="utf-8")
    try:
        load(str(path))
    except ConfigError as error:
        one_line(error)


@FEW
@given(field=st.sampled_from(FIELDS), value=VALUES)
def test_any_value_of_any_field_is_taken_or_refused_by_name(field: str, value: object) -> None:
    try:
        load("demo", overrides=[f"{field}={value}"])
    except ConfigError as error:
        one_line(error, field.partition(".")[0])


@FEW
@given(start=st.integers(0, 80), cut=st.integers(0, 9), put_in=st.binary(max_size=6))
def test_any_edit_of_good_data_is_read_or_refused_with_its_place(
    tmp_path, start: int, cut: int, put_in: bytes
) -> None:
    good = GOOD.encode()
    path = tmp_path / "train.csv"
    path.write_bytes(good[:start] + put_in + good[start + cut :])
    try:
        read_examples(path, need_summary=True)
    except DataError as error:
        one_line(error, str(path))


@FEW
@given(lines=st.lists(st.text(max_size=40) | VALUES.map(str), max_size=4))
def test_any_lines_are_json_of_ours_or_refused(tmp_path, lines: list[str]) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    try:
        read_examples(path, need_summary=True)
    except DataError as error:
        one_line(error, str(path))


ODD = st.text(st.sampled_from("ab:/@?#[]%&=+ '\"\\\n1한"), max_size=8)


@settings(max_examples=300, deadline=None)
@given(
    scheme=st.sampled_from(["postgresql://", "postgres://", "postgresql+psycopg://", "mysql://"]),
    before=ODD,
    after=ODD,
    place=st.sampled_from(["@h/d", "@h:5/d", "@/d?host=/s", "@[::1]/d", "@"]),
)
def test_no_url_shows_its_password(scheme: str, before: str, after: str, place: str) -> None:
    url = f"{scheme}u:{before}{SECRET}{after}{place}"
    try:
        shown = str(StorageURL.parse(url))
    except BadURL as error:
        one_line(error)
        shown = str(error)
    assert SECRET not in shown


@FEW
@given(name=st.text(max_size=520))
def test_a_name_is_good_or_refused(name: str) -> None:
    try:
        check_name(name)
    except BadStudyName as error:
        one_line(error)


WORDS = st.sampled_from(
    ["config", "show", "check", "kobart", "-o", "--help", "status", "--json", "best", "-s", "--"]
)


@FEW
@given(words=st.lists(WORDS | st.text(st.characters(exclude_characters="\0"), max_size=6)))
def test_any_command_line_ends_with_a_status(
    tmp_path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    if {"worker", "up", "dashboard", "train"} & set(words):
        return
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, words, prog_name="hpo")
    assert result.exit_code in {0, 1, 2}, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert list(tmp_path.iterdir()) == []
