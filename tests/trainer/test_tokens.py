"""The tokenizer with its tags: what it keeps whole, what comes back, and what cannot be loaded."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from config.schema import Configuration
from trainer.errors import TokenizerError
from trainer.tokens import decode, decode_all, load_tokenizer, read_tokenizer

TAGS = Configuration().preprocessing.special_tokens
PIECES = (*TAGS, " ", "은", "는 ", "병원에 갈래요?", ":", ".", "저녁", " 좋아요", "3.5", "😊")
TEXT = "#Person1#과 #Person2#는 오늘 병원에 가기로 한다. #Person2#는 #PhoneNumber#예요."

Make = Callable[..., Configuration]


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerBase:
    return read_tokenizer(str(tiny_model), special_tokens=TAGS)


def ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer(text)["input_ids"])


def changed(tiny_model: Path, folder: Path, **settings: object) -> str:
    """A copy of the model's folder whose tokenizer_config.json differs; None takes a key out."""
    shutil.copytree(tiny_model, folder)
    path = folder / "tokenizer_config.json"
    content = json.loads(path.read_text(encoding="utf-8")) | settings
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))
    return str(folder)


def refusal(source: str) -> str:
    with pytest.raises(TokenizerError) as refused:
        read_tokenizer(source)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_each_of_the_15_tags_is_one_token(
    tiny_model: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    plain = read_tokenizer(str(tiny_model))
    assert len(TAGS) == 15
    assert len(tokenizer) == len(plain) + 15
    assert tokenizer.extra_special_tokens == list(TAGS)
    assert [ids(tokenizer, tag) for tag in TAGS] == [[len(plain) + i] for i in range(15)]
    assert len(ids(plain, TAGS[0])) > 5


def test_configuration_names_model_and_tags(tiny_config: Make) -> None:
    tokenizer = load_tokenizer(tiny_config(preprocessing={"special_tokens": ("#A#", "#B#")}))
    assert tokenizer.extra_special_tokens == ["#A#", "#B#"]


def test_shipped_model_has_a_tokenizer(tiny_config: Make) -> None:
    tokenizer = load_tokenizer(tiny_config(model={"name": "sample:model"}))
    assert decode(tokenizer, ids(tokenizer, "#Person1#: 안녕")) == "#Person1#: 안녕"


def test_nothing_is_added_around_a_text(tokenizer: PreTrainedTokenizerBase) -> None:
    assert not set(ids(tokenizer, TEXT)) & {0, 1}


def test_particle_after_a_tag_gets_no_space_of_its_own(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    assert decode(tokenizer, ids(tokenizer, "#Person1#은")) == "#Person1#은"
    assert decode(tokenizer, ids(tokenizer, "#Person1# 은")) == "#Person1# 은"


@given(pieces=st.lists(st.sampled_from(PIECES)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_comes_back_as_it_was(
    tokenizer: PreTrainedTokenizerBase, pieces: Sequence[str]
) -> None:
    text = " ".join("".join(pieces).split())
    assert decode(tokenizer, ids(tokenizer, text)) == text


def test_decoding_takes_out_the_models_own_tokens_alone(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    own = [0, 2, 3, 4, 5, 6, 1]
    assert decode(tokenizer, [*own, *ids(tokenizer, TEXT), *own, -100, -100]) == TEXT


def test_emoji_among_the_special_tokens_is_text(tokenizer: PreTrainedTokenizerBase) -> None:
    assert 7 in ids(tokenizer, "좋아요 😊")
    assert decode(tokenizer, ids(tokenizer, "좋아요 😊")) == "좋아요 😊"


def test_many_rows_are_decoded_as_each_alone(tokenizer: PreTrainedTokenizerBase) -> None:
    rows = [ids(tokenizer, TEXT), [], [1, 3, 3], ids(tokenizer, "좋아요")]
    assert decode_all(tokenizer, rows) == [decode(tokenizer, row) for row in rows]
    assert decode_all(tokenizer, rows)[1:] == ["", "", "좋아요"]


@pytest.mark.parametrize("reader", [AutoTokenizer, PreTrainedTokenizerFast])
def test_saved_tokenizer_splits_the_same_wherever_it_is_read(
    tokenizer: PreTrainedTokenizerBase,
    tmp_path: Path,
    reader: type[PreTrainedTokenizerFast],
) -> None:
    tokenizer.save_pretrained(tmp_path)
    assert ids(reader.from_pretrained(tmp_path), TEXT) == ids(tokenizer, TEXT)


def test_reading_a_saved_tokenizer_adds_its_tags_once(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    tokenizer.save_pretrained(tmp_path)
    again = read_tokenizer(str(tmp_path), special_tokens=TAGS)
    assert len(again) == len(tokenizer)
    assert decode(again, ids(again, TEXT)) == TEXT
    more = read_tokenizer(str(tmp_path), special_tokens=(*TAGS, "#Company#"))
    assert ids(more, "#Company#") == [len(tokenizer)]
    assert decode(more, ids(more, TEXT + "#Company#")) == TEXT + "#Company#"


def test_settings_that_name_another_models_tokenizer_change_nothing(
    tiny_model: Path, tmp_path: Path
) -> None:
    source = changed(tiny_model, tmp_path / "bart", tokenizer_class="BartTokenizer", backend=None)
    expected = ids(read_tokenizer(str(tiny_model)), TEXT)
    assert ids(read_tokenizer(source), TEXT) == expected


def test_end_and_padding_are_found_in_the_vocabulary(tiny_model: Path, tmp_path: Path) -> None:
    unnamed = dict.fromkeys([f"{name}_token" for name in ("bos", "eos", "pad", "unk", "mask")])
    found = read_tokenizer(changed(tiny_model, tmp_path / "unnamed", **unnamed))
    assert (found.eos_token_id, found.pad_token_id) == (1, 3)


def test_tokenizer_without_an_end_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    source = changed(tiny_model, tmp_path / "other", eos_token=None)
    path = tmp_path / "other" / "tokenizer.json"
    path.write_text(path.read_text(encoding="utf-8").replace("</s>", "[END]"), encoding="utf-8")
    assert refusal(source) == (
        f"the tokenizer of model.name {source!r} has no eos_token; "
        "use a KoBART model, or name the token in its tokenizer_config.json"
    )


def test_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    assert refusal(str(tmp_path)) == (
        f"model.name {str(tmp_path)!r} has no tokenizer.json; copy the model's tokenizer into a "
        "folder with the model, and give that folder"
    )


def test_file_that_is_cut_off_is_refused_in_one_line(tiny_model: Path, tmp_path: Path) -> None:
    source = changed(tiny_model, tmp_path / "half")
    path = tmp_path / "half" / "tokenizer.json"
    path.write_bytes(path.read_bytes()[:1000])
    message = refusal(source)
    assert message.startswith(f"the tokenizer of model.name {source!r} cannot be loaded: ")
    assert message.endswith("; is its tokenizer.json whole?")


def test_checkpoints_own_code_is_never_run(tiny_model: Path, tmp_path: Path) -> None:
    source = changed(
        tiny_model, tmp_path / "code", auto_map={"AutoTokenizer": [None, "evil.Tokenizer"]}
    )
    (tmp_path / "code" / "evil.py").write_text("raise SystemExit('this ran')")
    assert ids(read_tokenizer(source), TEXT) == ids(read_tokenizer(str(tiny_model)), TEXT)
