"""Lengths are those of training: what is said to be cut is what training cuts."""

import pytest

from config.load import load
from hpo.eda.lengths import measure_lengths
from hpo.eda.splits import read_splits
from trainer.encode import encoded
from trainer.tokens import load_tokenizer

TIGHT = ("model.max_encoder_length=90", "model.max_decoder_length=18")


def measured(config):
    found = measure_lengths(config, read_splits(config), load_tokenizer(config))
    return {(each.split, each.text, each.unit): each for each in found}


@pytest.fixture(scope="module")
def tight():
    return load("demo", overrides=TIGHT)


def test_the_share_cut_is_what_training_cuts(tight):
    lengths = measured(tight)
    for split in read_splits(tight):
        training = encoded(tight, split.examples, tokenizer=load_tokenizer(tight), cache_dir=None)
        (cut,) = lengths[split.name, "dialogue", "tokens"].cuts
        assert (cut.limit, cut.cut, cut.share) == (90, training.cut_inputs, training.cut_share)
        assert cut.cut > 0
        if split.name != "test":
            (cut,) = lengths[split.name, "summary", "tokens"].cuts
            assert (cut.limit, cut.cut) == (18, training.cut_labels)
    assert ("test", "summary", "tokens") not in lengths


def test_at_the_limit_that_would_cut_1_percent_training_cuts_1_percent(tight):
    advised = measured(tight)["train", "dialogue", "tokens"].cutting_1_percent
    (split, *_) = read_splits(tight)
    for limit, at_most in ((advised, True), (advised - 1, False)):
        config = load("demo", overrides=[f"model.max_encoder_length={limit}"])
        tokenizer = load_tokenizer(config)
        cut = encoded(config, split.examples, tokenizer=tokenizer, cache_dir=None).cut_share
        assert (cut <= 0.01) is at_most


def test_characters_are_those_written_and_tokens_those_cleaned(folder, config):
    lengths = measured(config)
    characters = lengths["train", "dialogue", "characters"].distribution
    examples = read_splits(config)[0].examples
    assert characters.most == max(len(each.dialogue) for each in examples)
    assert characters.mean == sum(len(each.dialogue) for each in examples) / 5
    raw = load("demo", overrides=[f"general.data_path={folder}", "preprocessing.cleaning=[]"])
    assert measured(raw)["train", "dialogue", "tokens"] != lengths["train", "dialogue", "tokens"]


def test_limits_of_the_search_space_are_all_shown(folder, tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(
        f"preset: demo\ngeneral: {{data_path: {folder}}}\noptuna:\n  search_space:\n"
        "    model.max_encoder_length: {choices: [60, 20]}\n"
        "    model.max_decoder_length: {low: 10, high: 40}\n"
    )
    lengths = measured(load(str(path)))
    assert [each.limit for each in lengths["train", "dialogue", "tokens"].cuts] == [20, 60]
    assert [each.limit for each in lengths["train", "summary", "tokens"].cuts] == [10, 40]
