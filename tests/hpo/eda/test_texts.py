"""What was planted in the texts is found: turns, topics, tags, noise, and summaries' lengths."""

import pytest

from config.load import load
from hpo.eda.noise import count_noise
from hpo.eda.ratio import measure_ratios
from hpo.eda.tags import count_tags
from hpo.eda.topics import count_topics
from hpo.eda.turns import measure_turns


def test_turns_and_speakers_are_counted_in_noisy_dialogues_too(splits):
    train, dev, test = measure_turns(splits)
    assert [train.turns.least, train.turns.most, train.turns.count] == [2, 3, 5]
    assert train.turns.mean == (2 + 2 + 3 + 2 + 3) / 5
    assert [(each.speakers, each.dialogues) for each in train.speakers] == [(2, 5)]
    assert [(each.speakers, each.dialogues) for each in test.speakers] == [(1, 1), (2, 1)]
    assert dev.without_turns == 0


def test_topics_and_what_train_does_not_have(splits):
    train, dev = count_topics(splits)
    assert (train.with_topic, train.without_topic, train.distinct, train.once) == (4, 1, 2, 1)
    assert [(each.topic, each.dialogues) for each in train.most] == [("식당", 3), ("은행", 1)]
    assert train.new_to_train is None
    assert dev.new_to_train == 1


def test_tags_are_counted_and_the_unknown_and_broken_ones_named(config, splits, analysis):
    tags = {(each.split, each.tag): each for each in count_tags(config, splits)}
    phone = tags["train", "#PhoneNumber#"]
    assert (phone.kind, phone.special, phone.dialogues) == ("personal", True, 1)
    assert tags["train", "#Person1#"].in_dialogues == 1 + 1 + 2 + 1 + 2
    assert tags["train", "#Person1#"].in_summaries == 1
    team = tags["train", "#Team#"]
    assert (team.kind, team.special, team.in_dialogues) == ("other", False, 1)
    assert tags["test", "#Team#"].in_dialogues == 0
    (broken,) = analysis.broken_tags
    assert (broken.found, broken.fname, broken.times) == ("#Person3", "e", 1)


@pytest.mark.parametrize(
    ("step", "before"),
    [("newlines", 1), ("line_breaks", 1), ("laughter", 2), ("crying", 1), ("stray_jamo", 1)],
)
def test_noise_is_counted_before_and_after(config, splits, step, before):
    counts = {(each.split, each.text, each.step): each for each in count_noise(config, splits)}
    found = counts["train", "dialogue", step]
    assert (found.texts_before, found.times_before) == (1, before)
    left = 0 if found.cleaned else before
    assert (found.texts_after, found.times_after) == (left > 0, left)
    assert found.cleaned is (step != "stray_jamo")  # off in every preset


def test_summaries_keep_their_noise_unless_they_are_cleaned(config, splits):
    for cleaned in (False, True):
        setting = f"preprocessing.clean_summaries={cleaned}"
        counts = count_noise(load("demo", overrides=[setting]), splits)
        (found,) = [
            each
            for each in counts
            if (each.split, each.text, each.step) == ("train", "summary", "laughter")
        ]
        assert (found.cleaned, found.times_before) == (cleaned, 1)
        assert found.times_after == (0 if cleaned else 1)


def test_examples_show_a_piece_before_and_after(analysis):
    (crying,) = [each for each in analysis.noise_examples if each.step == "crying"]
    assert "ㅠㅠ" in crying.before
    assert "슬픔" in crying.after
    assert crying.fname == "e"


def test_a_summary_longer_than_its_dialogue_is_named(splits):
    train, dev = measure_ratios(splits)
    lengths = [(len(each.dialogue), len(each.summaries[0])) for each in splits[0].examples]
    assert train.not_shorter_fnames == ("c",)
    assert train.most_share == max(summary / dialogue for dialogue, summary in lengths)
    assert train.median_share == sorted(summary / dialogue for dialogue, summary in lengths)[2]
    assert sum(map(sum, train.counts)) == 5
    assert [each.pairs for each in train.groups] == [1] * 5
    assert dev.correlation is None
