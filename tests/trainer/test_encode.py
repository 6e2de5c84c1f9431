"""Token ids of a split: what they hold, where they are cut, and when the cache serves them."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase

import trainer.encode
from config.schema import Configuration
from trainer.clean import clean
from trainer.data import DataFiles, Example, read_examples
from trainer.encode import EncodedSplit, Ragged, encoded, tokenizer_hash
from trainer.tokens import decode, load_tokenizer

END = 1
DIALOGUE = "#Person1#: 오늘 병원에 가요ㅋㅋ\\n#Person2#: 좋아요."
LINES = "#Person1#: 오늘 병원에 가요ㅎ\n#Person2#: 좋아요."
Make = Callable[..., Configuration]
Rows = Callable[..., EncodedSplit]


@pytest.fixture
def tokenizer(tiny_config: Make) -> PreTrainedTokenizerBase:
    return load_tokenizer(tiny_config())


@pytest.fixture
def split(tiny_config: Make, tokenizer: PreTrainedTokenizerBase) -> Rows:
    """Encode examples without a cache; sections change the configuration."""

    def make(examples: Sequence[Example], **sections: dict[str, object]) -> EncodedSplit:
        return encoded(tiny_config(**sections), examples, tokenizer=tokenizer, cache_dir=None)

    return make


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts how many examples were really encoded, call by call."""
    calls: list[int] = []
    real = trainer.encode._encode

    def counting(
        config: Configuration, examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase
    ) -> object:
        calls.append(len(examples))
        return real(config, examples, tokenizer)

    monkeypatch.setattr(trainer.encode, "_encode", counting)
    return calls


def example(dialogue: str = DIALOGUE, *summaries: str) -> Example:
    return Example("a", dialogue, summaries)


def test_input_and_label_end_with_the_end_token(
    split: Rows, tokenizer: PreTrainedTokenizerBase
) -> None:
    row = split([example(DIALOGUE, "오늘 병원에 가기로 한다.")])[0]
    assert row["input_ids"][-1] == row["labels"][-1] == END
    assert (row["input_ids"].count(END), row["labels"].count(END)) == (1, 1)
    text = "#Person1#: 오늘 병원에 가요웃음 #Person2#: 좋아요."
    assert row["input_ids"][:-1] == tokenizer(text)["input_ids"]
    assert decode(tokenizer, row["labels"]) == "오늘 병원에 가기로 한다."


def test_summaries_are_cleaned_only_when_asked(
    split: Rows, tokenizer: PreTrainedTokenizerBase
) -> None:
    examples = [example(DIALOGUE, "오늘ㅋ 병원에")]
    as_written = split(examples)
    cleaned = split(examples, preprocessing={"clean_summaries": True})
    assert decode(tokenizer, cleaned.labels[0]) == "오늘웃음 병원에"
    assert as_written.labels[0] != cleaned.labels[0]
    assert as_written.input_ids[0] == cleaned.input_ids[0]


def test_first_summary_is_the_label_and_none_is_an_empty_row(split: Rows) -> None:
    three = split([example("가", "오늘", "내일", "공원"), example("가"), example("가", "내일")])
    assert three.labels[:] == [
        split([example("가", "오늘")]).labels[0],
        [],
        split([example("가", "내일")]).labels[0],
    ]


def test_text_that_is_too_long_is_cut_before_its_end(
    split: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    model = {"max_encoder_length": 8, "max_decoder_length": 4}
    whole = split([example(DIALOGUE, "오늘 병원에 가기로 한다."), example("가", "가")])
    with caplog.at_level(logging.INFO):
        cut = split(
            [example(DIALOGUE, "오늘 병원에 가기로 한다."), example("가", "가")], model=model
        )
    assert cut.input_ids[0] == [*whole.input_ids[0][:7], END]
    assert cut.labels[0] == [*whole.labels[0][:3], END]
    assert cut[1] == whole[1]
    assert (cut.cut_inputs, cut.cut_labels, cut.cut_share) == (1, 1, 0.5)
    assert "1 of 2 dialogues are longer than model.max_encoder_length 8; cut" in caplog.text
    assert "1 of 2 summaries are longer than model.max_decoder_length 4; cut" in caplog.text


def test_text_that_just_fits_is_not_cut(split: Rows) -> None:
    whole = split([example(DIALOGUE)])
    longest = whole.input_ids.lengths[0]
    fits = split([example(DIALOGUE)], model={"max_encoder_length": longest})
    assert (fits.input_ids[0], fits.cut_inputs) == (whole.input_ids[0], 0)
    short = split([example(DIALOGUE)], model={"max_encoder_length": longest - 1})
    assert (short.input_ids.lengths, short.cut_inputs) == ([longest - 1], 1)


def test_dialogue_of_which_cleaning_leaves_nothing_is_told(
    split: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    assert split([example(), example("<br>")], model={"max_encoder_length": 64}).input_ids[1] == [
        END
    ]
    assert "cleaning leaves nothing of 1 dialogue; the first is a" in caplog.text


def test_no_examples_make_an_empty_split(split: Rows) -> None:
    empty = split([])
    assert (len(empty), empty.cut_share, list(empty.input_ids)) == (0, 0.0, [])


def test_many_texts_are_encoded_as_each_alone(
    split: Rows, data_files: DataFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = read_examples(data_files.train, need_summary=True)
    at_once = split(examples)
    monkeypatch.setattr(trainer.encode, "TEXTS_AT_ONCE", 3)
    assert [*split(examples)] == [*at_once] == [split([one])[0] for one in examples]


def test_same_texts_are_encoded_once(
    tiny_config: Make, data_files: DataFiles, tmp_path: Path, made: list[int]
) -> None:
    examples = read_examples(data_files.dev, need_summary=True)
    first, second = (
        encoded(c, examples, tokenizer=load_tokenizer(c), cache_dir=tmp_path)
        for c in (tiny_config(), tiny_config(training={"learning_rate": 1e-3}))
    )
    assert made == [len(examples)]
    assert [*first] == [*second]
    assert (first.cut_inputs, first.cut_labels) == (second.cut_inputs, second.cut_labels)


def test_names_topics_and_further_summaries_share_the_cache(
    tiny_config: Make, tokenizer: PreTrainedTokenizerBase, tmp_path: Path, made: list[int]
) -> None:
    for one in (Example("a", "가", ("나",)), Example("b", "가", ("나", "다"), "여행")):
        encoded(tiny_config(), [one], tokenizer=tokenizer, cache_dir=tmp_path)
    assert made == [1]


@pytest.mark.parametrize(
    "sections",
    [
        {"preprocessing": {"cleaning": ("laughter",)}},
        {"preprocessing": {"clean_summaries": True}},
        {"preprocessing": {"special_tokens": ("#Person1#",)}},
        {"model": {"max_encoder_length": 100}},
        {"model": {"max_decoder_length": 40}},
        {"model": {"name": "sample:model"}},
    ],
)
def test_whatever_changes_the_ids_is_encoded_anew(
    tiny_config: Make, tmp_path: Path, made: list[int], sections: dict[str, dict[str, object]]
) -> None:
    for config in (tiny_config(), tiny_config(**sections)):
        encoded(config, [example()], tokenizer=load_tokenizer(config), cache_dir=tmp_path)
    assert made == [1, 1]


def test_other_texts_are_encoded_anew(
    tiny_config: Make, tokenizer: PreTrainedTokenizerBase, tmp_path: Path, made: list[int]
) -> None:
    texts = [[example("가", "나")], [example("가", "다")], [example("나", "나")], [example("가")]]
    for examples in [*texts, [example("가나")], [example("가"), example("나")]]:
        encoded(tiny_config(), examples, tokenizer=tokenizer, cache_dir=tmp_path)
    assert made == [1, 1, 1, 1, 1, 2]


def test_damaged_cache_is_made_again(
    tiny_config: Make, tokenizer: PreTrainedTokenizerBase, tmp_path: Path, made: list[int]
) -> None:
    first = encoded(tiny_config(), [example()], tokenizer=tokenizer, cache_dir=tmp_path)
    (path,) = tmp_path.glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-3])
    again = encoded(tiny_config(), [example()], tokenizer=tokenizer, cache_dir=tmp_path)
    assert made == [1, 1]
    assert [*again] == [*first]


def test_tokenizers_hash_follows_what_it_does_and_not_who_used_it(tiny_config: Make) -> None:
    one, used = load_tokenizer(tiny_config()), load_tokenizer(tiny_config())
    used(["가", "가나다"], padding=True, truncation=True, max_length=4)
    assert tokenizer_hash(used) == tokenizer_hash(one)
    used.add_tokens(["#New#"])
    assert tokenizer_hash(used) != tokenizer_hash(one)


@given(rows=st.lists(st.lists(st.integers(min_value=0, max_value=2**31 - 1), max_size=5)))
def test_packed_rows_are_the_rows(rows: list[list[int]]) -> None:
    packed = Ragged.of(rows)
    assert list(packed) == packed[:] == rows
    assert packed.lengths == [len(row) for row in rows]
    assert packed[::-2] == rows[::-2]
    assert packed.ids.dtype == np.int32
    for index in range(-len(rows), len(rows)):
        assert packed[index] == rows[index]
    with pytest.raises(IndexError):
        packed[len(rows)]


def test_cleaning_is_the_configured_one(split: Rows, tokenizer: PreTrainedTokenizerBase) -> None:
    for steps in ((), ("laughter",), ("laughter", "whitespace")):
        row = split([example(LINES)], preprocessing={"cleaning": steps}).input_ids[0]
        assert row == [*tokenizer(clean(LINES, steps))["input_ids"], END]
