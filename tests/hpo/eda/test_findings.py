"""The sentences at the top of the page."""

from dataclasses import replace

from hpo.eda.findings import findings


def test_what_was_planted_is_said_and_what_may_be_wrong_stands_first(analysis):
    found = findings(analysis)
    said = [each.text for each in found if each.look]
    assert [each.look for each in found] == sorted((each.look for each in found), reverse=True)
    for part in (
        "2 dialogues of train have copies in train: 1 pair word for word (most alike a and d",
        "1 dialogue of dev has near copies in train: 2 near pairs",
        "1 dialogue of test has copies in train: 1 pair word for word (most alike b and g",
        "model.max_decoder_length 64 cuts summaries: 20.0 % of train (1), 0 % of dev (0).",
        "laughter stays in summaries: 1 of train (summaries are not cleaned)",
        "stray_jamo stays in dialogues: 1 of train (preprocessing.cleaning has no stray_jamo)",
        "#Team#: no special token",
        "1 broken tag, such as #Person3 in e",
        "1 summary of train is no shorter than the dialogue: c",
    ):
        assert any(text.startswith(part) for text in said), (part, said)


def test_a_limit_that_cuts_nothing_of_a_small_file_is_not_said_to_cut_1_percent(analysis):
    (said,) = (each.text for each in findings(analysis) if "max_decoder_length" in each.text)
    advised = next(
        each for each in analysis.lengths if each.unit == "tokens" and each.text == "summary"
    )
    assert advised.cutting_1_percent == advised.distribution.most
    assert f" {advised.cutting_1_percent} would cut at most 1 % of train," in said


def test_good_data_is_said_to_be_good(analysis):
    clean = replace(
        analysis,
        duplicates=replace(analysis.duplicates, overlaps=()),
        noise=(),
        tags=(),
        broken_tags=(),
        ratios=(),
        lengths=(),
    )
    assert [(each.look, each.text.split(":")[0]) for each in findings(clean)] == [
        (False, "There is no noise of chat"),
        (False, "No dialogue is there twice or nearly twice."),
    ]
