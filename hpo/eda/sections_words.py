"""The page's sections about what the texts say: topics, tags, noise, terms and word clouds."""

from collections.abc import Collection, Mapping, Sequence

from config.counting import counted
from hpo.eda.analysis import Analysis
from hpo.eda.clouds import as_url
from hpo.eda.fonts import MISSING
from hpo.eda.markup import Html, bar, element, joined, percent, table
from hpo.eda.noise import NoiseCount
from hpo.eda.tags import TagCount
from hpo.eda.terms import TopicTerms, Words
from hpo.eda.topics import Topics

SHOWN_WORDS = 8


def topics_section(analysis: Analysis) -> Html:
    """Topics, where the files name any."""
    if not analysis.topics:
        return element("p", "No file names topics (a column topic); nothing here needs one.")
    rows = [
        [
            each.split,
            each.with_topic,
            each.without_topic,
            each.distinct,
            each.once,
            each.new_to_train,
        ]
        for each in analysis.topics
    ]
    heads = [
        "",
        "with a topic",
        "without",
        "different topics",
        "of one dialogue",
        "dialogues of a topic new to train",
    ]
    return joined(
        (
            table(heads, rows, caption="Topics by file"),
            _most_frequent(analysis.topics[0]),
        )
    )


def tags_section(analysis: Analysis) -> Html:
    """Speakers' tags and masked personal data."""
    by_tag: dict[str, list[TagCount]] = {}
    for each in analysis.tags:
        by_tag.setdefault(each.tag, []).append(each)
    found = {
        tag: counts
        for tag, counts in by_tag.items()
        if any(each.in_dialogues + each.in_summaries for each in counts)
    }
    absent = sorted(by_tag.keys() - found.keys())
    splits = [each.split for each in analysis.sizes]
    with_summaries = {each.split for each in analysis.ratios}
    rows = [_tag_row(counts, splits, with_summaries) for counts in found.values()]
    heads = ["tag", "kind", "one token", *(f"dialogues of {name}" for name in splits)]
    heads += [f"summaries of {name}" for name in splits if name in with_summaries]
    parts = [
        element(
            "p",
            "A special token is never split by the tokenizer "
            "(preprocessing.special_tokens). A tag that is none costs several tokens each "
            "time.",
        ),
        table(heads, rows, caption="How often each tag is there (and in how many dialogues)"),
    ]
    if absent:
        parts.append(element("p", f"Nowhere: {', '.join(absent)}.", class_="quiet"))
    if analysis.broken_tags:
        broken = [
            [element("code", each.found), each.split, each.times, each.fname]
            for each in analysis.broken_tags
        ]
        parts.append(
            table(
                ["as written", "file", "times", "first in"],
                broken,
                caption="Tags that lost a # or are written otherwise",
            )
        )
    return joined(parts)


def noise_section(analysis: Analysis) -> Html:
    """Noise before and after the configured cleaning."""
    steps = ", ".join(analysis.cleaning) or "none"
    whose = "dialogues and summaries" if analysis.clean_summaries else "dialogues only"
    rows = [_noise_row(each) for each in analysis.noise if each.times_before]
    heads = [
        "noise",
        "file",
        "text",
        "cleaned",
        "texts before",
        "times before",
        "texts after",
        "times after",
    ]
    parts = [
        element(
            "p",
            "Cleaning steps of the configuration: ",
            element("code", steps),
            f", on {whose} (preprocessing.clean_summaries). Each kind below is what the step "
            "of that name takes out. White space counts where there are two or more, or any "
            "at a text's end: harmless, but the tokenizer sees it.",
        ),
        table(heads, rows, caption="Noise before and after cleaning")
        if rows
        else element("p", "There is none."),
    ]
    if analysis.noise_examples:
        parts.append(_noise_examples(analysis))
    return joined(parts)


def terms_section(analysis: Analysis) -> Html:
    """Terms by topic."""
    if not analysis.terms:
        return element("p", "No noun is in two dialogues: there is nothing to weigh.")
    note = (
        "Nouns by Kiwi, weighed with scikit-learn's TF-IDF: high where a noun is frequent in the "
        "topic's dialogues and rare in others. A weight is the mean over the topic's dialogues in "
        "train. Nouns of one syllable or in one dialogue only are left out."
    )
    if len(analysis.terms) == 1:
        note += " No topic has three dialogues or more, so there are the terms of all together."
    return joined(
        (
            element("p", note),
            element("div", joined(map(_topic, analysis.terms)), class_="topics"),
        )
    )


def clouds_section(analysis: Analysis, pictures: Mapping[str, bytes] | None) -> Html:
    """Word clouds; `pictures` by text, None where there is no Korean font."""
    if not analysis.words:
        return element("p", "Kiwi finds no noun of two syllables or more.")
    if pictures is None:
        said = element("p", MISSING[0].upper() + MISSING[1:] + ".")
        return joined((said, *(_words_table(each) for each in analysis.words)))
    return joined(_cloud(each, pictures[each.text]) for each in analysis.words)


def _most_frequent(topics: Topics) -> Html:
    highest = topics.most[0].dialogues
    rows = [
        [
            each.topic,
            each.dialogues,
            percent(each.dialogues / topics.with_topic),
            bar(each.dialogues / highest),
        ]
        for each in topics.most
    ]
    return table(
        ["topic", "dialogues", "share", ""],
        rows,
        caption=f"The most frequent {len(rows)} of {counted(topics.distinct, 'topic')}"
        f" of {topics.split}",
    )


def _tag_row(
    counts: Sequence[TagCount], splits: Sequence[str], with_summaries: Collection[str]
) -> Sequence[object]:
    by_split = {each.split: each for each in counts}
    first = counts[0]
    shown = [by_split.get(name) for name in splits]
    times = [
        "0" if each is None else f"{each.in_dialogues:,} ({each.dialogues:,})" for each in shown
    ]
    written = [each.in_summaries for each in shown if each and each.split in with_summaries]
    return [element("code", first.tag), first.kind, first.special, *times, *written]


def _noise_row(noise: NoiseCount) -> Sequence[object]:
    return [
        element("code", noise.step),
        noise.split,
        noise.text,
        noise.cleaned,
        noise.texts_before,
        noise.times_before,
        noise.texts_after,
        noise.times_after,
    ]


def _noise_examples(analysis: Analysis) -> Html:
    rows = [
        [
            element("code", each.step),
            f"{each.split}, {each.fname} ({each.text})",
            each.before,
            each.after,
        ]
        for each in analysis.noise_examples
    ]
    shown = table(
        ["noise", "where", "as written", "after cleaning"],
        rows,
        caption="The first places of each kind",
    )
    return element("details", element("summary", "Examples, before and after"), shown)


def _topic(terms: TopicTerms) -> Html:
    name = "All dialogues" if terms.topic is None else terms.topic
    highest = terms.terms[0].weight if terms.terms else 1
    rows = joined(
        element(
            "tr",
            element("td", each.word),
            element("td", f"{each.weight:.3f}", class_="number"),
            element("td", bar(each.weight / highest)),
        )
        for each in terms.terms
    )
    return element(
        "div",
        element("h3", name),
        element("div", counted(terms.dialogues, "dialogue"), class_="quiet"),
        element("table", element("tbody", rows)),
        class_="topic",
    )


def _cloud(words: Words, picture: bytes) -> Html:
    first = ", ".join(f"{each.word} {each.times:,}" for each in words.most[:SHOWN_WORDS])
    texts = "dialogues" if words.text == "dialogue" else "summaries"
    title = f"Nouns of the {texts} of train"
    return joined(
        (
            element("h3", title),
            element(
                "figure",
                element("img", src=as_url(picture), alt=f"{title} as a word cloud: {first}."),
                element(
                    "figcaption",
                    f"The larger, the more often; most frequent: {first}. "
                    f"{counted(words.nouns, 'noun')} in all.",
                ),
            ),
        )
    )


def _words_table(words: Words) -> Html:
    texts = "dialogues" if words.text == "dialogue" else "summaries"
    rows = [[each.word, each.times] for each in words.most[:20]]
    return table(["noun", "times"], rows, caption=f"Most frequent nouns of the {texts} of train")
