"""Writes the sample model's folder: `python -m config.sample.tokenizer --out DIR`.

The tokenizer has KoBART's form (NFKC, spaces as ▁, BPE, the same seven ids in front, nothing
added around a text) and is trained on the sample's train split. There are no weights: the
configuration beside it is for `model.init: random`.
"""

import argparse
import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer

from config.sample.generate import SHIPPED_FOLDER

SHIPPED_MODEL = Path(__file__).parent / "model"
SPECIAL_TOKENS = ("<s>", "</s>", "<usr>", "<pad>", "<sys>", "<unk>", "<mask>")  # ids 0 to 6
VOCABULARY = 2000
NO_PIECES = re.compile(r"#\w+#|\\n|<br>")
CLEANED_NOISE = "웃음 슬픔"  # cleaning puts these for ㅋㅋ and ㅠㅠ; no dialogue has them as words

TOKENIZER_CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
    "clean_up_tokenization_spaces": False,
    "model_max_length": 512,
}
# KoBART checkpoints differ in the two ids of 2 (some have 1); this one has the base model's.
TOKEN_IDS = {
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 3,
    "decoder_start_token_id": 2,
    "forced_eos_token_id": 1,
}
MODEL_CONFIG = {
    "architectures": ["BartForConditionalGeneration"],
    "model_type": "bart",
    "is_encoder_decoder": True,
    "vocab_size": VOCABULARY,
    "d_model": 64,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 256,
    "decoder_ffn_dim": 256,
    "max_position_embeddings": 514,
    "activation_function": "gelu",
    "dropout": 0.1,
    # The usual 0.02 suits a width of 768. With it this small one ignores its input for epochs.
    "init_std": 0.1,
    "scale_embedding": False,
    **TOKEN_IDS,
}


def train(texts: Iterator[str]) -> Tokenizer:
    """A BPE tokenizer of at most VOCABULARY pieces; the same texts give the same tokenizer."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))  # noqa: S106  (a piece, no secret)
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = [AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS]
    trainer = BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer=trainer)
    return tokenizer


def train_texts(csv_file: Path) -> Iterator[str]:
    """Dialogues and summaries of a CSV file, without what never reaches the pieces of a model.

    Speaker tags and masked data become tokens of their own, and line breaks are cleaned away.
    """
    yield CLEANED_NOISE
    with csv_file.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for text in (row["dialogue"], row["summary"]):
                yield " ".join(NO_PIECES.sub(" ", text).split())


def write(folder: Path, *, data: Path) -> None:
    """Train on a CSV file and write a model folder without weights."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = train(train_texts(data))
    _write_text(folder / "tokenizer.json", tokenizer.to_str(pretty=False))
    _write_json(folder / "tokenizer_config.json", TOKENIZER_CONFIG)
    _write_json(folder / "config.json", MODEL_CONFIG | {"vocab_size": tokenizer.get_vocab_size()})
    _write_json(folder / "generation_config.json", TOKEN_IDS)


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    _write_text(path, json.dumps(content, indent=2))


def _write_text(path: Path, text: str) -> None:
    path.write_bytes(f"{text}\n".encode())


def main() -> None:
    """Read the command line and write the folder."""
    parser = argparse.ArgumentParser(description="Write the sample model's folder.")
    parser.add_argument("--out", type=Path, default=SHIPPED_MODEL, help="folder to write into")
    parser.add_argument("--data", type=Path, default=SHIPPED_FOLDER / "train.csv")
    arguments = parser.parse_args()
    write(arguments.out, data=arguments.data)


if __name__ == "__main__":
    main()
