"""The sections as the teams' files have them, except `training` and `optuna`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Discriminator, Field, Tag, field_validator

from config.architecture import Architecture
from config.section import Count, Natural, Real, Section, Whole

CleaningStep = Literal["newlines", "line_breaks", "laughter", "crying", "stray_jamo", "whitespace"]
MetricName = Literal["rouge1", "rouge2", "rougeL", "rouge_combined_f1"]

PEOPLE = tuple(f"#Person{number}#" for number in range(1, 8))
MASKED = (
    "#PhoneNumber#",
    "#Address#",
    "#DateOfBirth#",
    "#PassportNumber#",
    "#SSN#",
    "#CardNumber#",
    "#CarNumber#",
    "#Email#",
)


class DataFiles(Section):
    """The data files by name, where they do not share a folder and the usual names."""

    train: str = Field(min_length=1, description="file of training examples, .csv or .jsonl")
    dev: str = Field(min_length=1, description="file of examples to score, .csv or .jsonl")
    test: str | None = Field(default=None, description="file without summaries; null: none")


def _folder_or_files(value: object) -> str:
    return "files" if isinstance(value, Mapping | DataFiles) else "folder"


class General(Section):
    """What the experiment is called, where its files are, and its seed."""

    project_name: str = Field(
        default="dialogue-summarization", min_length=1, description="name of the experiment"
    )
    data_path: Annotated[
        Annotated[Annotated[str, Field(min_length=1)], Tag("folder")]
        | Annotated[DataFiles, Tag("files")],
        Discriminator(_folder_or_files),
    ] = Field(
        default="./data/",
        description="folder with train, dev and test as .csv or .jsonl; or each file by name "
        "(train, dev, test); sample:dialogues is the data that ships with hpo",
    )
    output_dir: str = Field(
        default="./outputs", min_length=1, description="folder for models and logs"
    )
    checkpoint_root: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="folder or URL (s3://bucket/hpo) where running trials save where they are, at "
        "best one that every worker reaches; null: output_dir",
    )
    seed: Annotated[Whole, Field(ge=0, lt=2**32)] = Field(
        default=42, description="seed of every random choice; a whole number below 2**32"
    )
    cpu_threads: Annotated[Count, Field(le=1024)] | None = Field(
        default=None,
        description="CPU threads for a training; null: torch's choice, at most a container's share",
    )

    @field_validator("checkpoint_root")
    @classmethod
    def _no_secret(cls, value: str | None) -> str | None:
        if value is not None and "@" in urlsplit(value).netloc:
            raise ValueError(
                "the URL holds a user or password, which would be stored in the study; "
                "give them to the storage's library by its environment variables"
            )
        return value


class Model(Section):
    """The checkpoint to start from, and how much text it sees."""

    name: str = Field(
        default="gogamza/kobart-base-v2",
        min_length=1,
        description="hub id or folder of a BART checkpoint; sample:model ships with hpo",
    )
    max_encoder_length: Annotated[Count, Field(le=8192)] = Field(
        default=512, description="longest input, in tokens; more is cut off"
    )
    max_decoder_length: Annotated[Count, Field(le=8192)] = Field(
        default=128, description="longest reference summary in training, in tokens; more is cut off"
    )
    init: Literal["pretrained", "random"] = Field(
        default="pretrained", description="start from the checkpoint's weights, or from random ones"
    )
    architecture: Architecture = Field(
        default_factory=Architecture,
        description="BartConfig values that make a smaller stand-in; only with init: random",
    )


class Preprocessing(Section):
    """What is done to a text before it is encoded."""

    cleaning: tuple[CleaningStep, ...] = Field(
        default=("newlines", "line_breaks", "laughter", "crying", "whitespace"),
        description="cleaning steps, run in a fixed order; leave one out to switch it off",
    )
    clean_summaries: bool = Field(
        default=False, description="clean the training summaries too (lowered the score when tried)"
    )
    special_tokens: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=PEOPLE + MASKED, description="tokens never split: speakers and masked personal data"
    )

    @field_validator("cleaning", "special_tokens", mode="after")
    @classmethod
    def _each_once(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(values))


class Generation(Section):
    """How summaries are generated, in evaluations and in predictions."""

    num_beams: Annotated[Count, Field(le=64)] = Field(
        default=4, description="beams; 1 is greedy search"
    )
    length_penalty: Annotated[Real, Field(ge=-10, le=10)] = Field(
        default=1.0,
        description="exponent on the length; above 0 favours longer summaries; beams only",
    )
    no_repeat_ngram_size: Annotated[Natural, Field(le=100)] = Field(
        default=2, description="no run of this many tokens comes twice; 0: anything may repeat"
    )
    max_new_tokens: Annotated[Count, Field(le=8192)] = Field(
        default=128, description="longest generated summary, in tokens"
    )


class Metric(Section):
    """What is compared between trials."""

    name: MetricName = Field(
        default="rouge_combined_f1",
        description="ROUGE F1 from 0 to 1; rouge_combined_f1 is the mean of rouge1, rouge2, rougeL",
    )
    tokenizer: Literal["morpheme", "whitespace", "character"] = Field(
        default="morpheme",
        description="units that ROUGE counts; morpheme is Kiwi's, as the competition's",
    )


class Wandb(Section):
    """The mirror of trials in Weights & Biases; its key is never configured here."""

    project: str | None = Field(default=None, description="W&B project; null: general.project_name")
    entity: str | None = Field(default=None, description="W&B team or user; null: the key's own")
    tags: tuple[str, ...] = Field(default=(), description="tags of every run")
    notes: str | None = Field(default=None, description="notes of every run; null: none")
    mode: Literal["auto", "online", "offline", "disabled"] = Field(
        default="auto", description="auto: online with a key, else offline"
    )

    @field_validator("tags", mode="before")
    @classmethod
    def _one_line(cls, value: object) -> object:
        """Read `a, b` as two tags, as WANDB_TAGS is written."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value
