"""What a team should know of its data, in sentences that the figures say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from config.counting import counted
from hpo.eda.analysis import Analysis
from hpo.eda.duplicates import Overlap
from hpo.eda.markup import percent
from hpo.eda.noise import NoiseCount

MUCH_CUT = 0.01  # of the texts


@dataclass(frozen=True)
class Finding:
    """One sentence. look: whether something may be wrong. section: where the page shows it."""

    look: bool
    text: str
    section: str


def findings(analysis: Analysis) -> tuple[Finding, ...]:
    """Say what stands out, what may be wrong first."""
    found = [
        *_missing(analysis),
        *(_copies(each) for each in analysis.duplicates.overlaps if each.exact or each.near),
        *_cut(analysis),
        *_noise(analysis),
        *_tags(analysis),
        *_summaries(analysis),
    ]
    if not any(each.section == "duplicates" for each in found):
        found.append(Finding(False, "No dialogue is there twice or nearly twice.", "duplicates"))
    return tuple(sorted(found, key=lambda finding: not finding.look))


def _missing(analysis: Analysis) -> Iterator[Finding]:
    names = {each.split for each in analysis.sizes}
    if "dev" not in names:
        yield Finding(True, "There is no dev file: hpo train and hpo worker need one.", "files")
    for each in analysis.sizes:
        without = each.dialogues - each.with_summary
        if without and each.split != "test":
            yield Finding(
                True,
                f"{counted(without, 'dialogue')} of {each.split} "
                f"{'has' if without == 1 else 'have'} no summary: training refuses the file.",
                "files",
            )
    if not analysis.topics:
        yield Finding(False, "No dialogue names a topic.", "topics")


def _copies(overlap: Overlap) -> Finding:
    exact = f"{counted(overlap.exact, 'pair')} word for word" if overlap.exact else ""
    near = counted(overlap.near, "near pair") if overlap.near else ""
    kinds = ", ".join(filter(None, (exact, near)))
    best = overlap.pairs[0]
    like = f"most alike {best.first.fname} and {best.second.fname}, {best.similarity:.2f}"
    known = counted(overlap.of_second, "dialogue")
    have = "has" if overlap.of_second == 1 else "have"
    copies = "copies" if overlap.exact else "near copies"
    return Finding(
        True,
        f"{known} of {overlap.second} {have} {copies} in {overlap.first}: {kinds} ({like}).",
        "duplicates",
    )


def _cut(analysis: Analysis) -> Iterator[Finding]:
    """One sentence for each limit: what it does to every file."""
    for text, texts in (("dialogue", "dialogues"), ("summary", "summaries")):
        files = [each for each in analysis.lengths if each.text == text and each.cuts]
        for place, first in enumerate(files[0].cuts if files else ()):
            cuts = [each.cuts[place] for each in files]
            shares = ", ".join(
                f"{percent(cut.share)} of {each.split} ({cut.cut:,})"
                for each, cut in zip(files, cuts, strict=True)
            )
            longest = max(each.distribution.most for each in files)
            advice = f"{files[0].cutting_1_percent} would cut at most 1 % of {files[0].split}"
            yield Finding(
                max(cut.share for cut in cuts) > MUCH_CUT,
                f"{files[0].field} {first.limit} cuts {texts}: {shares}. {advice},"
                f" {longest:,} nothing at all.",
                "lengths",
            )


def _noise(analysis: Analysis) -> Iterator[Finding]:
    # White space is no news: it only stays where cleaning it is switched off.
    told = [each for each in analysis.noise if each.step != "whitespace"]
    before = sum(each.times_before for each in told)
    kept = [each for each in told if each.times_after]
    if not before:
        yield Finding(False, "There is no noise of chat: no \\n, <br>, ㅋ, ㅎ, ㅠ, ㅜ.", "noise")
    elif not kept:
        yield Finding(
            False, f"The cleaning takes out all {counted(before, 'piece')} of noise.", "noise"
        )
    for step, text in dict.fromkeys((each.step, each.text) for each in kept):
        yield _left([each for each in kept if (each.step, each.text) == (step, text)])


def _left(kept: Sequence[NoiseCount]) -> Finding:
    first = kept[0]
    texts = "dialogues" if first.text == "dialogue" else "summaries"
    where = ", ".join(f"{each.texts_after:,} of {each.split}" for each in kept)
    why = f"preprocessing.cleaning has no {first.step}"
    if first.cleaned:
        why = "the cleaning does not reach it"
    elif first.text == "summary":
        why = "summaries are not cleaned"
    return Finding(True, f"{first.step} stays in {texts}: {where} ({why}).", "noise")


def _tags(analysis: Analysis) -> Iterator[Finding]:
    split_up = sorted(
        {
            each.tag
            for each in analysis.tags
            if not each.special and each.in_dialogues + each.in_summaries
        }
    )
    if split_up:
        yield Finding(
            True,
            f"{', '.join(split_up[:8])}: no special token, so the tokenizer splits it; "
            "see preprocessing.special_tokens.",
            "tags",
        )
    if analysis.broken_tags:
        first = analysis.broken_tags[0]
        times = sum(each.times for each in analysis.broken_tags)
        yield Finding(
            True, f"{counted(times, 'broken tag')}, such as {first.found} in {first.fname}.", "tags"
        )
    for each in analysis.turns:
        if each.without_turns:
            yield Finding(
                True,
                f"{counted(each.without_turns, 'dialogue')} of {each.split} "
                f"without any turn that begins as #Person1#: does.",
                "turns",
            )


def _summaries(analysis: Analysis) -> Iterator[Finding]:
    for each in analysis.ratios:
        if each.not_shorter:
            yield Finding(
                True,
                f"{counted(each.not_shorter, 'summary', 'summaries')} of {each.split} "
                f"{'is' if each.not_shorter == 1 else 'are'} no shorter than the dialogue: "
                f"{', '.join(each.not_shorter_fnames[:3])}.",
                "ratios",
            )
    unknown = [each for each in analysis.lengths if each.unknown]
    if unknown:
        where = ", ".join(
            f"{each.unknown:,} in the {each.text} texts of {each.split}" for each in unknown
        )
        yield Finding(
            False, f"The tokenizer lacks letters, which become <unk>: {where}.", "lengths"
        )
