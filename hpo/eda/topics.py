"""Which topics the dialogues have, where the files name any."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hpo.eda.splits import Split

MOST = 20  # topics that are listed


@dataclass(frozen=True)
class TopicCount:
    """A topic, and how many dialogues have it."""

    topic: str
    dialogues: int


@dataclass(frozen=True)
class Topics:
    """The topics of one file.

    once: topics of one dialogue only. new_to_train: dialogues whose topic train does not have;
    None for train itself. most: the most frequent, at most 20.
    """

    split: str
    with_topic: int
    without_topic: int
    distinct: int
    once: int
    new_to_train: int | None
    most: tuple[TopicCount, ...]


def count_topics(splits: Sequence[Split]) -> tuple[Topics, ...]:
    """Count the topics of every file that names any."""
    topics = {split.name: [example.topic for example in split.examples] for split in splits}
    known = set(topics["train"]) - {None}
    return tuple(
        _topics(name, each, known=None if name == "train" else known)
        for name, each in topics.items()
        if any(each)
    )


def _topics(name: str, topics: Sequence[str | None], *, known: set[str | None] | None) -> Topics:
    named = [topic for topic in topics if topic is not None]
    counts = Counter(named)
    return Topics(
        split=name,
        with_topic=len(named),
        without_topic=len(topics) - len(named),
        distinct=len(counts),
        once=sum(count == 1 for count in counts.values()),
        new_to_train=None if known is None else sum(topic not in known for topic in named),
        most=tuple(TopicCount(topic, count) for topic, count in counts.most_common(MOST)),
    )
