"""What is checked: the configuration and what belongs to it, each part found once.

Where a part cannot be found, the first check that asks for it has the reason in its line, and every
later one only says which line that is.
"""

import os
from dataclasses import dataclass

from transformers import BartConfig, PreTrainedTokenizerBase

from config.load import DEFAULT_PRESET, load, override, preset_names
from config.schema import Configuration
from hpo.check.cards import listed, visible
from hpo.check.part import Part
from hpo.check.running import KNOWN, NotLookedAt
from hpo.check.stored import Stored, StoredStudy, look, read_study
from hpo.errors import HpoError, NoSuchStudy, StudyDiffers
from hpo.pinned import check_same
from trainer.data import DataFiles, Example, locate_data, read_examples
from trainer.encode import encoded
from trainer.pretrained import quiet_transformers, read_model_config
from trainer.tokens import load_tokenizer

LONGEST = 8192  # tokens; the most that the limits may be set to


@dataclass(frozen=True)
class Asked:
    """What was typed; None takes what the study or the configuration says."""

    storage: str
    study: str | None = None
    source: str | None = None
    overrides: tuple[str, ...] = ()
    data: str | None = None
    output: str | None = None
    checkpoints: str | None = None
    trying: bool = False


@dataclass(frozen=True)
class Chosen:
    """The configuration to check, and where it comes from in words.

    `study` is the one that stands already; `refused` says in how far the configuration given is
    not the one that the study is pinned with.
    """

    config: Configuration
    origin: str
    study: StoredStudy | None = None
    refused: str | None = None


@dataclass(frozen=True)
class Texts:
    """The data's files and their examples; no test set is an empty one."""

    files: DataFiles
    train: list[Example]
    dev: list[Example]
    test: list[Example]


class Subject:
    """Everything that the checks look at."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.stored = Part("storage", lambda: look(asked.storage))
        self.chosen = Part("configuration", self._choose)
        self.texts = Part("data", self._read_texts)
        self.tokenizer = Part("model", self._load_tokenizer)
        self.model = Part("model", self._read_model)
        self.token_lengths = Part("lengths", self._encode)
        self.listed = Part("device", listed)
        self.cards = Part("device", lambda: visible(self.listed.get()))

    @property
    def config(self) -> Configuration:
        """The configuration, with the data where this machine has them."""
        return self.chosen.get().config

    def _choose(self) -> Chosen:
        try:
            stored = self.stored.get()
        except (NotLookedAt, *KNOWN):
            stored = None  # which the line on the storage says
        chosen = _choose(self.asked, stored)
        if self.asked.data is None:
            return chosen
        general = chosen.config.general.model_copy(update={"data_path": self.asked.data})
        config = chosen.config.model_copy(update={"general": general})
        return Chosen(config, chosen.origin, chosen.study, chosen.refused)

    def _read_texts(self) -> Texts:
        files = locate_data(self.config.general.data_path)
        train = read_examples(files.train, need_summary=True)
        dev = read_examples(files.dev, need_summary=True)
        test = read_examples(files.test, need_summary=False) if files.test is not None else []
        return Texts(files, train, dev, test)

    def _load_tokenizer(self) -> PreTrainedTokenizerBase:
        self.model.get()  # one line is enough where there is no model at all
        return load_tokenizer(self.config)

    def _read_model(self) -> BartConfig:
        config = self.config
        quiet_transformers()
        settings = read_model_config(config.model.name)
        return BartConfig.from_dict({**settings.to_dict(), **dict(config.model.architecture)})

    def _encode(self) -> tuple[list[int], list[int]]:
        """Each dialogue's and summary's length in tokens: cleaned, whole, with the end token."""
        texts, config = self.texts.get(), self.config
        longest = {"max_encoder_length": LONGEST, "max_decoder_length": LONGEST}
        config = config.model_copy(update={"model": config.model.model_copy(update=longest)})
        examples = [*texts.train, *texts.dev]
        split = encoded(config, examples, tokenizer=self.tokenizer.get(), cache_dir=None)
        return split.input_ids.lengths, split.labels.lengths


def _choose(asked: Asked, stored: Stored | None) -> Chosen:
    name = _standing(asked, stored)
    if name is None:
        source = asked.source or _preset(asked, stored)
        kind = "preset" if source in preset_names() else "file"
        return Chosen(_load(asked, source), f"{kind} {source}")
    study = read_study(asked.storage, name)
    pinned, refused = study.pinned, None
    if asked.source is not None:
        config = _load(asked, asked.source)
    elif asked.overrides:
        source = f"study {name}"
        config = override(pinned.config, asked.overrides, environ=os.environ, source=source)
    else:
        return Chosen(pinned.config, f"study {name}", study)
    try:
        check_same(pinned, config, None, name=name)
    except StudyDiffers as error:
        refused = str(error)
    return Chosen(config, f"{asked.source or 'overrides'} for study {name}", study, refused)


def _load(asked: Asked, source: str) -> Configuration:
    return load(source, overrides=asked.overrides, environ=os.environ)


def _standing(asked: Asked, stored: Stored | None) -> str | None:
    """The study of the database that is meant; None where a new one is."""
    if stored is None:
        return None
    if asked.study is not None:
        return asked.study if asked.study in stored.studies else None
    if asked.source is not None or not stored.studies:
        return None
    if len(stored.studies) > 1:
        names = ", ".join(stored.studies)
        raise HpoError(f"several studies in {stored.url}; say which with --study: {names}")
    return stored.studies[0]


def _preset(asked: Asked, stored: Stored | None) -> str:
    """The preset that a worker would make the study from."""
    if asked.study is None:
        return DEFAULT_PRESET
    if asked.study in preset_names():
        return asked.study
    if stored is None:
        raise HpoError(
            f"study {asked.study!r} lies in the database, which cannot be read;"
            " give --config as well to check the rest"
        )
    raise NoSuchStudy(
        f"no study {asked.study!r} in {stored.url}; hpo create makes one, or check a file or a"
        f" preset with --config: {', '.join(preset_names())}"
    )
