"""The page's sections about how long things are: texts, turns, summaries against dialogues."""

from collections.abc import Sequence

from hpo.eda.analysis import Analysis
from hpo.eda.charts import Mark, Panel, heat, histograms
from hpo.eda.lengths import LIMITS, Lengths
from hpo.eda.markup import Html, element, joined, percent, table
from hpo.eda.ratio import Ratio

PLURAL = {"dialogue": "dialogues", "summary": "summaries"}


def lengths_section(analysis: Analysis) -> Html:
    """Lengths in tokens and characters, what the limits cut, and those that cut hardly any."""
    intro = element(
        "p",
        "Tokens are counted as training encodes a text: cleaned, with the tokenizer of ",
        element("code", analysis.model),
        " and its special tokens, and with the end token. A text longer than the limit loses its "
        "end. A shorter limit trains faster; a longer one costs memory. Characters are counted in "
        "the texts as they are written.",
    )
    parts = [intro]
    for text in LIMITS:
        of_text = [each for each in analysis.lengths if each.text == text]
        tokens = [each for each in of_text if each.unit == "tokens"]
        if tokens:
            parts += [_tokens_figure(tokens), _table(of_text), _characters_figure(of_text)]
    return joined(parts)


def turns_section(analysis: Analysis) -> Html:
    """How many turns and speakers dialogues have."""
    turns = analysis.turns
    train = turns[0]
    title = f"Half of the dialogues of train have at most {train.turns.median:g} turns"
    chart = histograms(
        [
            Panel(
                each.split, f"mean {each.turns.mean:.1f}, most {each.turns.most}", each.turns.counts
            )
            for each in turns
        ],
        edges=train.turns.edges,
        x_label="turns of a dialogue",
        alt=f"{title}. " + "; ".join(f"{each.split} mean {each.turns.mean:.1f}" for each in turns),
    )
    numbers = sorted({count.speakers for each in turns for count in each.speakers})
    by_split = [{count.speakers: count.dialogues for count in each.speakers} for each in turns]
    rows = [[f"{speakers}", *(each.get(speakers, 0) for each in by_split)] for speakers in numbers]
    return joined(
        (
            element("p", "A turn begins with a speaker's tag and a colon, as #Person1#: does."),
            _figure(title, chart, "The height is the share of the file's dialogues."),
            table(
                ["speakers", *(each.split for each in turns)],
                rows,
                caption="Dialogues by how many people speak in them",
            ),
        )
    )


def ratios_section(analysis: Analysis) -> Html:
    """Lengths of summaries against those of their dialogues."""
    if not analysis.ratios:
        return element("p", "No file has summaries.")
    rows = [
        [
            each.split,
            each.pairs,
            percent(each.median_share),
            percent(each.mean_share),
            percent(each.least_share),
            percent(each.most_share),
            "–" if each.correlation is None else f"{each.correlation:.2f}",
            each.not_shorter,
        ]
        for each in analysis.ratios
    ]
    heads = ["", "pairs", "median", "mean", "least", "most", "correlation", "no shorter"]
    return joined(
        (
            table(
                heads,
                rows,
                caption="Length of the summary as a share of its dialogue's; "
                "correlation of the two lengths (Pearson); summaries no shorter than the dialogue",
            ),
            _ratio_figure(analysis.ratios[0]),
            _groups_table(analysis.ratios[0]),
        )
    )


def _tokens_figure(tokens: Sequence[Lengths]) -> Html:
    first = tokens[0]
    texts = PLURAL[first.text]
    cut = first.cuts[-1]
    title = (
        f"{percent(cut.share)} of the {texts} of {first.split} are longer than {cut.limit} tokens"
    )
    marks = [Mark(each.limit, f"limit {each.limit}", "limit") for each in first.cuts]
    marks.append(
        Mark(
            first.cutting_1_percent or 0,
            f"{first.cutting_1_percent} would cut at most 1 % of {first.split}",
            "advice",
        )
    )
    chart = histograms(
        [_panel(each) for each in tokens],
        edges=first.distribution.edges,
        x_label=f"tokens of a {first.text}",
        marks=marks,
        alt=f"{title}; {first.cutting_1_percent} tokens would cut at most 1 %.",
    )
    note = f"Limit: {first.field}. The height is the share of the file's {texts}."
    return _figure(title, chart, note)


def _characters_figure(of_text: Sequence[Lengths]) -> Html:
    each_of = [each for each in of_text if each.unit == "characters"]
    first = each_of[0]
    title = (
        f"A {first.text} of {first.split} has {first.distribution.mean:.0f} characters on average"
    )
    chart = histograms(
        [_panel(each) for each in each_of],
        edges=first.distribution.edges,
        x_label=f"characters of a {first.text}",
        alt=title,
    )
    return element("details", element("summary", title), element("figure", chart))


def _panel(lengths: Lengths) -> Panel:
    figures = lengths.distribution
    note = f"median {figures.median:g}, longest {figures.most:,}"
    return Panel(lengths.split, note, figures.counts)


def _table(of_text: Sequence[Lengths]) -> Html:
    rows = []
    for each in of_text:
        figures = each.distribution
        cut = "; ".join(f"{percent(one.share)} ({one.cut:,}) at {one.limit}" for one in each.cuts)
        rows.append(
            [
                each.split,
                each.unit,
                figures.count,
                figures.least,
                figures.median,
                f"{figures.mean:,.1f}",
                figures.p95,
                figures.p99,
                figures.most,
                cut or "–",
                each.unknown,
            ]
        )
    heads = ["", "in", "texts", "least", "median", "mean", "95 %", "99 %", "most", "cut", "<unk>"]
    return table(
        heads,
        rows,
        caption=f"Lengths of {PLURAL[of_text[0].text]}. 95 % and 99 %: so many texts are no longer;"
        " the 99 % of tokens is the limit that cuts 1 %. <unk>: tokens that the vocabulary lacks.",
    )


def _ratio_figure(ratio: Ratio) -> Html:
    title = (
        f"A summary of {ratio.split} has {percent(ratio.median_share)} of its dialogue's length "
        "(median)"
    )
    chart = heat(
        ratio.counts,
        x_edges=ratio.dialogue_edges,
        y_edges=ratio.summary_edges,
        labels=("characters of the dialogue", "characters of the summary"),
        alt=title,
    )
    return _figure(title, chart, "The stronger the colour, the more dialogues are there.")


def _groups_table(ratio: Ratio) -> Html:
    return table(
        ["dialogue's characters", "pairs", "summary's characters", "share"],
        [
            [
                f"{each.shortest:,} to {each.longest:,}",
                each.pairs,
                each.median_summary,
                percent(each.median_share),
            ]
            for each in ratio.groups
        ],
        caption=f"{ratio.split} in five groups by the length of the dialogue; medians",
    )


def _figure(title: str, chart: Html, note: str) -> Html:
    return joined((element("h3", title), element("figure", chart, element("figcaption", note))))
