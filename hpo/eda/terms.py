"""Which nouns are typical: by topic with TF-IDF, and over all for a word cloud."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

TERMS = 10
TOPICS = 12
FEWEST = 3  # dialogues of a topic; with fewer, its terms are those of single dialogues
IN_DIALOGUES = 2  # a noun of one dialogue only is a name or a slip
CLOUD_WORDS = 120


@dataclass(frozen=True)
class Term:
    """A noun and its weight: the mean of its TF-IDF over the dialogues."""

    word: str
    weight: float


@dataclass(frozen=True)
class TopicTerms:
    """The nouns with the highest weights in the dialogues of a topic; None: in all dialogues."""

    topic: str | None
    dialogues: int
    terms: tuple[Term, ...]


@dataclass(frozen=True)
class WordCount:
    """A noun, and how often it is there."""

    word: str
    times: int


@dataclass(frozen=True)
class Words:
    """The most frequent nouns of train's dialogues or summaries."""

    text: str
    nouns: int
    most: tuple[WordCount, ...]


def typical_terms(
    documents: Sequence[Sequence[str]], topics: Sequence[str | None]
) -> tuple[TopicTerms, ...]:
    """Weigh the nouns of dialogues over all of them and by their most frequent topics.

    documents: each dialogue's nouns. Every dialogue is one document of scikit-learn's TF-IDF
    (smoothed idf, vectors of length 1); a topic's weights are the mean over its dialogues.
    """
    vectorizer = TfidfVectorizer(analyzer=list, min_df=IN_DIALOGUES)
    try:
        weights = vectorizer.fit_transform(documents)
    except ValueError:  # no noun is in two dialogues
        return ()
    words = vectorizer.get_feature_names_out()
    frequent = Counter(topic for topic in topics if topic is not None).most_common(TOPICS)
    chosen = [None, *(topic for topic, count in frequent if count >= FEWEST)]
    found = []
    for topic in chosen:
        rows = [row for row, each in enumerate(topics) if topic is None or each == topic]
        mean = np.asarray(weights[rows].mean(axis=0)).ravel()
        best = sorted(np.flatnonzero(mean), key=lambda place: (-mean[place], words[place]))[:TERMS]
        terms = tuple(Term(str(words[place]), float(mean[place])) for place in best)
        found.append(TopicTerms(topic, len(rows), terms))
    return tuple(found)


def count_words(text: str, documents: Sequence[Sequence[str]]) -> Words:
    """Count the nouns of all documents."""
    counts = Counter(word for document in documents for word in document)
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:CLOUD_WORDS]
    return Words(text, counts.total(), tuple(WordCount(word, times) for word, times in ordered))
