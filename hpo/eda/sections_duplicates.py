"""The page's section about dialogues that are there twice, within a file or across files."""

from config.counting import counted
from hpo.eda.analysis import Analysis
from hpo.eda.charts import Mark, Panel, histograms
from hpo.eda.duplicates import Duplicates, Overlap, Pair
from hpo.eda.markup import Html, element, joined, table

SHOWN = 25  # pairs of each two files; the JSON has more
WITH_TEXTS = 5


def duplicates_section(analysis: Analysis) -> Html:
    """Near-duplicates within files, and leaks from one to another."""
    duplicates = analysis.duplicates
    rows = [[_between(each), each.exact, each.near, each.of_second] for each in duplicates.overlaps]
    heads = ["", "pairs word for word", "further near pairs", "dialogues concerned"]
    return joined(
        (
            element("p", _explained(duplicates)),
            table(
                heads,
                rows,
                caption="Dialogues that are there more than once; between two "
                "files, the dialogues concerned are those of the second",
            ),
            _nearest_figure(duplicates),
            joined(_pairs(each) for each in duplicates.overlaps if each.pairs),
        )
    )


def _explained(duplicates: Duplicates) -> str:
    # Of two texts of the same length, this share of each one's pieces is the other's too.
    common = 2 * duplicates.near / (1 + duplicates.near)
    return (
        "Every dialogue is compared with every other. The similarity of two is the share of their "
        f"pieces of {duplicates.piece} letters that both have (Jaccard), without tags, spaces and "
        "punctuation: 1 is the same text; unrelated dialogues share a few per cent. From "
        f"{duplicates.near:g} on (--near), two count as near: {common:.0%} of each one's pieces "
        "are in the other too. Two translations of one dialogue are often that near. A dialogue "
        "of train that is also in dev or test makes a score look better than the model is; one "
        "that is in train twice is learned twice."
    )


def _nearest_figure(duplicates: Duplicates) -> Html:
    bins = len(duplicates.nearest)
    total = sum(duplicates.nearest)
    title = (
        f"{duplicates.alike:,} of {total:,} dialogues have another at least "
        f"{duplicates.near:g} alike"
    )
    chart = histograms(
        [Panel("all files", counted(total, "dialogue"), duplicates.nearest)],
        edges=[place / bins for place in range(bins + 1)],
        x_label="similarity to the nearest other dialogue",
        marks=[Mark(duplicates.near, f"near from {duplicates.near:g} on", "limit")],
        alt=title,
    )
    note = (
        "The heap at the left is what unrelated dialogues have in common. Where it reaches the "
        "line, look at the pairs, and choose another line with --near."
    )
    return joined((element("h3", title), element("figure", chart, element("figcaption", note))))


def _pairs(overlap: Overlap) -> Html:
    shown = overlap.pairs[:SHOWN]
    rows = [
        [
            each.first.fname,
            each.second.fname,
            f"{each.similarity:.2f}",
            "word for word" if each.exact else "near",
        ]
        for each in shown
    ]
    total = overlap.exact + overlap.near
    caption = f"{_between(overlap)}: {counted(total, 'pair')}"
    if total > len(shown):
        caption += f", the {len(shown)} most alike"
    heads = [overlap.first, overlap.second, "similarity", ""]
    if overlap.first == overlap.second:
        heads[1] = "and"
    return joined(
        (
            table(heads, rows, caption=caption),
            joined(_texts(each) for each in shown[:WITH_TEXTS]),
        )
    )


def _texts(pair: Pair) -> Html:
    title = f"{pair.first.fname} and {pair.second.fname}: read both"
    texts = joined(element("div", place.start) for place in (pair.first, pair.second))
    return element("details", element("summary", title), element("div", texts, class_="texts"))


def _between(overlap: Overlap) -> str:
    if overlap.first == overlap.second:
        return f"within {overlap.first}"
    return f"{overlap.first} and {overlap.second}"
