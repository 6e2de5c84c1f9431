"""The model's tokenizer with the speaker and data tags added, and the way back to text.

KoBART's tokenizer adds no end token by itself; `encode.py` appends it. Decoding takes out the
model's own control tokens alone: `skip_special_tokens=True` would delete the speakers as well.

tokenizer.json is read as it stands. AutoTokenizer is not asked: it would rebuild another model's
tokenizer where a checkpoint's settings name the wrong class, and it can run a checkpoint's code.
"""

import re
from collections.abc import Sequence

from tokenizers.pre_tokenizers import Metaspace
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from config.schema import Configuration
from trainer.errors import TokenizerError, first_line
from trainer.hub import TOKENIZER_FILES, model_folder

# Checkpoints differ in which of these their settings name; KoBART's vocabulary has them all.
KOBART_TOKENS = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
REQUIRED_TOKENS = ("eos_token", "pad_token")
# <s>, <usr>, <unused12>, ... KoBART also lists emoji among its special tokens; those are text.
CONTROL_TOKEN = re.compile(r"</?\w+>")


def load_tokenizer(config: Configuration) -> PreTrainedTokenizerBase:
    """Return the tokenizer of `model.name` with `preprocessing.special_tokens` added."""
    return read_tokenizer(config.model.name, special_tokens=config.preprocessing.special_tokens)


def read_tokenizer(source: str, *, special_tokens: Sequence[str] = ()) -> PreTrainedTokenizerBase:
    """Return the tokenizer in a folder or of a model on the Hugging Face hub, with tokens added.

    Raises ModelNotFound, or TokenizerError when there is no tokenizer that can be loaded, or it has
    no end token or no padding token.
    """
    tokenizer = _read(source)
    vocabulary = tokenizer.get_vocab()
    named = tokenizer.special_tokens_map
    for role, token in KOBART_TOKENS.items():
        if role not in named and token in vocabulary:
            setattr(tokenizer, role, token)
    for role in REQUIRED_TOKENS:
        if role not in tokenizer.special_tokens_map:
            raise TokenizerError(
                f"the tokenizer of model.name {source!r} has no {role}; "
                "use a KoBART model, or name the token in its tokenizer_config.json"
            )
    _add(tokenizer, [token for token in special_tokens if token not in vocabulary])
    return tokenizer


def decode(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    """Return the text of token ids, without the model's own tokens; see `decode_all`."""
    return decode_all(tokenizer, [ids])[0]


def decode_all(tokenizer: PreTrainedTokenizerBase, rows: Sequence[Sequence[int]]) -> list[str]:
    """Return each row's text without the model's own tokens (<s>, </s>, <pad>, <usr>, ...).

    Added tokens such as #Person1# stay. Negative ids (padded labels) are passed over.
    """
    own = _control_ids(tokenizer)
    kept = [[token for token in row if token >= 0 and token not in own] for row in rows]
    return [
        text.strip()
        for text in tokenizer.batch_decode(
            kept, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
    ]


def own_tokens(tokenizer: PreTrainedTokenizerBase) -> frozenset[str]:
    """Return the model's own tokens (<s>, </s>, <pad>, <usr>, ...), which are no text."""
    own = _control_ids(tokenizer)
    return frozenset(str(tokenizer.added_tokens_decoder[number]) for number in own)


def _read(source: str) -> PreTrainedTokenizerBase:
    folder = model_folder(source, files=TOKENIZER_FILES)
    if not (folder / TOKENIZER_FILES[0]).is_file():
        raise TokenizerError(
            f"model.name {source!r} has no {TOKENIZER_FILES[0]}; copy the model's tokenizer into a "
            "folder with the model, and give that folder"
        )
    try:
        tokenizer: PreTrainedTokenizerBase = PreTrainedTokenizerFast.from_pretrained(folder)
    # The library raises anything from OSError to a bare Exception for a file that it cannot parse.
    except Exception as error:
        raise TokenizerError(
            f"the tokenizer of model.name {source!r} cannot be loaded: {first_line(error)}; "
            f"is its {TOKENIZER_FILES[0]} whole?"
        ) from error
    return tokenizer


def _add(tokenizer: PreTrainedTokenizerBase, new: list[str]) -> None:
    if not new:
        return
    tokenizer.add_special_tokens({"extra_special_tokens": new}, replace_extra_special_tokens=False)
    backend = tokenizer.backend_tokenizer.pre_tokenizer
    if isinstance(backend, Metaspace) and backend.prepend_scheme == "always":
        # Else the text after a tag begins with a space that was not there: "#Person1#은" would
        # come back as "#Person1# 은". With "first" every text comes back as it was.
        backend.prepend_scheme = "first"


def _control_ids(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    named = {str(token) for token in tokenizer.special_tokens_map.values()}
    added = set(tokenizer.extra_special_tokens)
    return frozenset(
        number
        for number, token in tokenizer.added_tokens_decoder.items()
        if token.special
        and str(token) not in added
        and (str(token) in named or CONTROL_TOKEN.fullmatch(str(token)))
    )
