"""A small model's folder, a small data set, and a configuration for both; nothing is downloaded."""

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from fake_hub import FakeHub, serving
from huggingface_hub import constants
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import BartConfig, GenerationConfig, PreTrainedTokenizerFast

from config.schema import Configuration
from trainer.curve import Curve
from trainer.data import DataFiles, locate_data
from trainer.evaluation import Evaluation
from trainer.model import load_model
from trainer.rouge import Scores
from trainer.tokens import load_tokenizer

# As in KoBART: these seven first, so that their ids are 0 to 6.
CONTROL_TOKENS = ("<s>", "</s>", "<usr>", "<pad>", "<sys>", "<unk>", "<mask>")
TAG = re.compile(r"#[A-Za-z]+\d?#")
EMOJI = "😊"  # KoBART lists emoji among its special tokens too

PLACES = ("도서관", "식당", "공원", "병원", "시장", "학교")
WISHES = ("책을 빌리고", "저녁을 먹고", "산책을 하고", "검사를 받고", "과일을 사고")
DAYS = ("오늘", "내일", "토요일에", "일요일에")


def example_row(index: int) -> tuple[str, str, str]:
    """A dialogue of four turns and its summary, other ones for each index."""
    place = PLACES[index % len(PLACES)]
    wish = WISHES[index % len(WISHES)]
    day = DAYS[index % len(DAYS)]
    turns = (
        f"#Person1#: {day} 같이 {place}에 갈래요? ㅋㅋ",
        f"#Person2#: 좋아요. 저도 {wish} 싶었어요.",
        "#Person1#: 그럼 몇 시에 만날까요?",
        f"#Person2#: {index % 9 + 1}시에 만나요. 제 번호는 #PhoneNumber#예요.",
    )
    summary = f"#Person1#과 #Person2#는 {day} {place}에 가기로 한다. #Person2#는 {wish} 싶어 한다."
    return f"dialogue_{index}", "\n".join(turns), summary


def write_csv(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    """Write rows, the header first, as a spreadsheet program does."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.csv (16 examples), dev.csv (6) and test.csv (4, without summaries)."""
    folder = tmp_path_factory.mktemp("data")
    header = ("fname", "dialogue", "summary")
    write_csv(folder / "train.csv", [header, *map(example_row, range(16))])
    write_csv(folder / "dev.csv", [header, *map(example_row, range(16, 22))])
    write_csv(folder / "test.csv", [header[:2], *(example_row(i)[:2] for i in range(22, 26))])
    return folder


@pytest.fixture(scope="session")
def data_files(data_folder: Path) -> DataFiles:
    return locate_data(str(data_folder))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder like KoBART's, without weights: d_model 16, 2 heads, 1+1 layers."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder)
    ids = {
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 3,
        "decoder_start_token_id": 2,
        "forced_eos_token_id": 1,
    }
    BartConfig(
        vocab_size=len(tokenizer),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=256,
        **ids,
    ).save_pretrained(folder)
    # transformers leaves the generation ids out; KoBART's own file has them.
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(settings | ids), encoding="utf-8")
    GenerationConfig(**ids).save_pretrained(folder)
    return folder


@pytest.fixture
def tiny_config(tiny_model: Path, data_folder: Path) -> Callable[..., Configuration]:
    """Make a configuration for the small model and data; sections are given as mappings."""

    def make(**sections: dict[str, object]) -> Configuration:
        small: dict[str, dict[str, object]] = {
            "general": {"data_path": str(data_folder)},
            "model": {
                "name": str(tiny_model),
                "init": "random",
                "max_encoder_length": 128,
                "max_decoder_length": 48,
            },
            "training": {
                "per_device_train_batch_size": 4,
                "per_device_eval_batch_size": 4,
                "num_train_epochs": 2,
            },
            "generation": {"num_beams": 1, "max_new_tokens": 16},
            "metric": {"tokenizer": "whitespace"},
        }
        names = small.keys() | sections.keys()
        return Configuration.model_validate(
            {name: small.get(name, {}) | sections.get(name, {}) for name in names}
        )

    return make


@pytest.fixture
def make_curve() -> Callable[..., Curve]:
    """Make a training's curve from the values of ROUGE-1; ROUGE-2 is half of that."""

    def make(*values: float, metric: str = "rouge1", folder: Path = Path("out")) -> Curve:
        curve = Curve(metric)
        for step, value in enumerate(values, start=1):
            evaluation = Evaluation(
                step=step,
                epoch=float(step),
                scores=Scores(value, value / 2, value / 4, value / 3),
                train_loss=1.0,
                eval_loss=2.0,
                learning_rate=1e-4,
                seconds=1.23456,
                samples=(),
                is_best=False,
                checkpoint=folder / f"evaluation-{step}",
            )
            curve.add(evaluation)
        return curve

    return make


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and a network that refuses at once (not the library's offline mode)."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return tmp_path / "hub"


@pytest.fixture
def hub(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A reachable hub, which has nothing yet, and an empty cache."""
    with serving() as (hub, url):
        monkeypatch.setattr(constants, "ENDPOINT", url)
        template = url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield hub


@pytest.fixture
def saved_model(
    tiny_config: Callable[..., Configuration], tmp_path: Path, tiny_model: Path
) -> Path:
    """A checkpoint with weights, whose vocabulary lacks the 15 special tokens."""
    folder = tmp_path / "saved"
    config = tiny_config(preprocessing={"special_tokens": []})
    load_model(config, load_tokenizer(config)).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_model / name, folder / name)
    return folder


def _tokenizer() -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    special = [AddedToken(t, special=True, normalized=False) for t in (*CONTROL_TOKENS, EMOJI)]
    texts = [TAG.sub(" ", text) for index in range(60) for text in example_row(index)[1:]]
    alphabet = [*map(chr, range(0x21, 0x7F)), *"은이가을를의다요웃음슬픔"]
    backend.train_from_iterator(
        texts,
        BpeTrainer(
            vocab_size=500,
            special_tokens=special,
            initial_alphabet=alphabet,
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    )
