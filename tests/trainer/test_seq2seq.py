"""Writing sentences anew: checkpoints of several kinds, languages, and what is refused."""

import shutil
from pathlib import Path

import pytest
import torch
from transformers import (
    M2M100Config,
    M2M100ForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
)

import trainer.seq2seq
from trainer.errors import TrainerError
from trainer.seq2seq import LONGEST, Rewriter, Writer

FIELD = "augmentation.paraphrase_model"
SENTENCES = ["오늘 병원에 가요?", "좋아요.", "", "저는 도서관에 가고 싶어요."]
IDS = {"pad_token_id": 3, "eos_token_id": 1, "decoder_start_token_id": 2}
SMALL = {
    "d_model": 16,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "max_position_embeddings": 256,
    **IDS,
}


def random_model(kind: str, vocabulary: int) -> PreTrainedModel:
    torch.manual_seed(1)
    if kind == "t5":
        sizes = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2}
        return T5ForConditionalGeneration(T5Config(vocab_size=vocabulary, **sizes, **IDS))
    if kind == "marian":
        return MarianMTModel(MarianConfig(vocab_size=vocabulary, **SMALL))
    return M2M100ForConditionalGeneration(M2M100Config(vocab_size=vocabulary, **SMALL))


@pytest.mark.parametrize("kind", ["t5", "marian", "m2m100"])
def test_any_kind_of_checkpoint_writes_a_sentence_for_each(
    kind: str, tiny_model: Path, tmp_path: Path
) -> None:
    random_model(kind, 500).save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_model / name, tmp_path / name)
    before = torch.get_rng_state()
    rewriter = Rewriter(Writer(FIELD, str(tmp_path), prefix="paraphrase: "))
    found = rewriter.write(SENTENCES, batch_size=2, poll=lambda: None)
    assert len(found) == len(SENTENCES)
    assert found[2] == ""
    assert all("\n" not in text and "</s>" not in text for text in found)
    assert rewriter.write(SENTENCES, batch_size=2, poll=lambda: None) == found
    assert torch.equal(before, torch.get_rng_state())  # a training draws as if there were none


def test_a_sentence_that_is_too_long_is_left_out(saved_model: Path) -> None:
    rewriter = Rewriter(Writer(FIELD, str(saved_model)))
    assert rewriter.write(["가 " * (LONGEST + 1)], batch_size=2, poll=lambda: None) == [""]


def test_a_multilingual_checkpoint_begins_with_its_language(saved_model: Path) -> None:
    """The tiny vocabulary has no language codes; any token stands for one."""
    began: list[int] = []
    rewriter = Rewriter(Writer(FIELD, str(saved_model), source="<usr>", target="<sys>"))
    real = rewriter._model.generate

    def generate(**options: object) -> torch.Tensor:
        ids = real(**options)
        began.extend(ids[:, 1].tolist())
        return ids

    rewriter._model.generate = generate
    rewriter.write(SENTENCES, batch_size=4, poll=lambda: None)
    assert began == [4, 4, 4]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("language", "has no language 'xx_XX'; write the code as its tokenizer does"),
        ("weights", "can't be read: "),
        ("tokenizer", "can't be read: "),
        ("package", "can't be read: it has no tokenizer.json, and its own kind needs another"),
        ("kind", "can't be read: it is a 'gpt2' model; give a seq2seq checkpoint"),
    ],
)
def test_what_cannot_write_is_one_clear_line(
    saved_model: Path, damage: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    languages = ("xx_XX", "xx_XX") if damage == "language" else (None, None)
    if damage == "weights":
        (saved_model / "model.safetensors").write_bytes(b"none")
    if damage == "tokenizer":
        (saved_model / "tokenizer.json").write_text("{", encoding="utf-8")
    if damage == "package":
        random_model("marian", 500).save_pretrained(saved_model)
        (saved_model / "tokenizer.json").unlink()
        monkeypatch.setitem(trainer.seq2seq.TOKENIZERS, "marian", None)  # as without sentencepiece
    if damage == "kind":
        (saved_model / "config.json").write_text('{"model_type": "gpt2"}', encoding="utf-8")
    with pytest.raises(TrainerError) as caught:
        Rewriter(Writer(FIELD, str(saved_model), "", *languages))
    message = str(caught.value)
    assert message.startswith(f"{FIELD} '{saved_model}' ")
    assert says in message
    assert "\n" not in message
