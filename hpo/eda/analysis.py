"""All that is measured, in one value: what the page draws and the JSON holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from config.counting import counted
from config.schema import Configuration
from hpo.eda.duplicates import Duplicates, find_duplicates
from hpo.eda.lengths import Lengths, measure_lengths
from hpo.eda.noise import NoiseCount, NoiseExample, count_noise, noise_examples
from hpo.eda.nouns import nouns
from hpo.eda.ratio import Ratio, measure_ratios
from hpo.eda.splits import Split, SplitSize, size
from hpo.eda.tags import BrokenTag, TagCount, count_tags, find_broken
from hpo.eda.terms import TopicTerms, Words, count_words, typical_terms
from hpo.eda.topics import Topics, count_topics
from hpo.eda.turns import Turns, measure_turns
from trainer.tokens import load_tokenizer

FORMAT = 1  # of the JSON; another number where a field means something else


@dataclass(frozen=True)
class Analysis:
    """What is in the files; see each part's class. Terms and words are those of train."""

    format: int
    made: str
    data: str
    model: str
    cleaning: tuple[str, ...]
    clean_summaries: bool
    sizes: tuple[SplitSize, ...]
    lengths: tuple[Lengths, ...]
    turns: tuple[Turns, ...]
    topics: tuple[Topics, ...]
    tags: tuple[TagCount, ...]
    broken_tags: tuple[BrokenTag, ...]
    noise: tuple[NoiseCount, ...]
    noise_examples: tuple[NoiseExample, ...]
    terms: tuple[TopicTerms, ...]
    words: tuple[Words, ...]
    ratios: tuple[Ratio, ...]
    duplicates: Duplicates


def analyse(
    config: Configuration, splits: Sequence[Split], *, near: float, say: Callable[[str], None]
) -> Analysis:
    """Measure everything; `say` is told what is done next, as nouns take minutes of large files.

    Raises TrainerError where the tokenizer of model.name cannot be had.
    """
    tokenizer = load_tokenizer(config)
    say("lengths, turns, topics, tags and noise")
    lengths = measure_lengths(config, splits, tokenizer)
    say("duplicates")
    duplicates = find_duplicates(splits, near=near)
    say(f"nouns of {counted(len(splits[0].examples), 'dialogue')}")
    terms, words = _of_nouns(splits[0])
    return Analysis(
        format=FORMAT,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        data=str(config.general.data_path),
        model=config.model.name,
        cleaning=config.preprocessing.cleaning,
        clean_summaries=config.preprocessing.clean_summaries,
        sizes=tuple(map(size, splits)),
        lengths=lengths,
        turns=measure_turns(splits),
        topics=count_topics(splits),
        tags=count_tags(config, splits),
        broken_tags=find_broken(config, splits),
        noise=count_noise(config, splits),
        noise_examples=noise_examples(config, splits),
        terms=terms,
        words=words,
        ratios=measure_ratios(splits),
        duplicates=duplicates,
    )


def _of_nouns(train: Split) -> tuple[tuple[TopicTerms, ...], tuple[Words, ...]]:
    written = [example.summaries[0] for example in train.examples if example.summaries]
    found = nouns([*(example.dialogue for example in train.examples), *written])
    dialogues, summaries = found[: len(train.examples)], found[len(train.examples) :]
    words = [count_words("dialogue", dialogues), count_words("summary", summaries)]
    return (
        typical_terms(dialogues, [example.topic for example in train.examples]),
        tuple(each for each in words if each.nouns),
    )
