"""YAML as people write it."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import yaml_text
from config.errors import SourceError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2e-4", 2e-4),
        ("1e-5", 1e-5),
        ("3.0E-5", 3e-5),
        ("3.e5", 3e5),
        (".5e1", 5.0),
        ("-1e+3", -1000.0),
        ("+1E3", 1000.0),
        ("0.1", 0.1),
        ("5", 5),
        ("1_000", 1000),
        (".inf", float("inf")),
    ],
)
def test_numbers_are_numbers(text, value):
    read = yaml_text.read(text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("text", ["'2e-4'", "e5", "1e", "kobart-2e-4", "2e-4x", "#x"])
def test_what_only_looks_like_a_number_is_none(text):
    assert not isinstance(yaml_text.read(text), float)


def test_dates_stay_text():
    assert yaml_text.read("[2025-07-01, 2025-07-01 10:00:00]") == [
        "2025-07-01",
        "2025-07-01 10:00:00",
    ]


def test_names_are_text_whatever_they_look_like():
    assert yaml_text.read("{1: a, on: b, 1e3: c}") == {"1": "a", "on": "b", "1e3": "c"}


def test_references_and_merges_are_read():
    text = "base: &base {a: 1, b: 2}\nmine: {<<: *base, b: 3}"
    assert yaml_text.read(text)["mine"] == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: 'a' is given twice"),
        ("a: [1", "line 1: .*check the YAML"),
        ("a: b: c", "line 1: mapping values are not allowed"),
        ("a: 1\n\tb: 2", "line 2: .*check the YAML"),
        ("? [x]\n: 1", "line 1: a name must be a word"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
        ("a: *missing", "undefined alias"),
        ("a: \x07", "special characters are not allowed"),
        ("--- a\n--- b", "another document"),
        ("[" * 5000, "too deeply nested"),
    ],
)
def test_mistakes_are_told_in_one_line_with_their_place(text, reason):
    with pytest.raises(SourceError, match=reason) as refusal:
        yaml_text.read(text)
    assert "\n" not in str(refusal.value)


def test_written_text_that_looks_like_a_number_reads_back_as_text():
    mapping = {"a": {"b": "2e-4", "c": "1e5", "d": "2025-07-01", "e": "no", "f": "null", "g": ""}}
    assert yaml_text.read(yaml_text.write(mapping)) == mapping


def test_each_field_of_a_section_has_its_line():
    text = yaml_text.write(
        {
            "wandb": {"tags": ["a", "b"], "notes": None},
            "optuna": {
                "sampler": {"name": "tpe", "seed": 1},
                "search_space": {"training.x": {"low": 1e-05, "high": 1.0}},
            },
        }
    )
    assert text.splitlines() == [
        "wandb:",
        "  tags: [a, b]",
        "  notes: null",
        "optuna:",
        "  sampler: {name: tpe, seed: 1}",
        "  search_space:",
        "    training.x: {low: 1.0e-05, high: 1.0}",
    ]


def test_equal_lists_are_written_out_each_time():
    same = ["a"]
    assert "&" not in yaml_text.write({"x": {"one": same, "two": same}})


def test_korean_is_written_as_it_is():
    assert "요약" in yaml_text.write({"wandb": {"notes": "요약"}})


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(min_size=1), st.dictionaries(st.text(), values), max_size=3))
def test_whatever_is_written_reads_back_the_same(mapping):
    assert yaml_text.read(yaml_text.write(mapping)) == mapping


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_read_back_to_the_last_digit(number):
    assert yaml_text.read(yaml_text.write({"a": {"b": number}})) == {"a": {"b": number}}


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused(text):
    with suppress(SourceError):
        yaml_text.read(text)


def test_every_key_and_item_knows_its_line():
    text = "a: &x\n  b: 1\n  c: [1,\n   2]\nd:\n  <<: *x\n  e: 3\n"
    content, lines = yaml_text.read_with_lines(text)
    assert content == yaml_text.read(text)
    assert [lines["a",], lines["a", "c"], lines["a", "c", 1], lines["d", "b"], lines["d", "e"]] == [
        1, 3, 4, 2, 7,
    ]  # fmt: skip


def test_a_mapping_is_written_on_one_line_however_long():
    mapping = {"choices": [f"a rather long word {number}" for number in range(40)]}
    line = yaml_text.write_line(mapping)
    assert "\n" not in line
    assert yaml_text.read(line) == mapping


def test_comments_are_comments_whatever_they_hold():
    assert yaml_text.read(yaml_text.commented(["a: 1\rb: 2\nc: 3", "", "d\x1b[2J: 4"])) is None
