"""Presets, files, precedence, and the way there and back."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import ConfigError, SourceError
from config.load import dump, from_mapping, load, preset_names, to_mapping
from config.pruners import Extrapolation
from config.schema import Configuration
from config.space import max_evaluations


def test_there_are_three_presets():
    assert preset_names() == ("baseline", "demo", "kobart")


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_valid(name):
    config = load(name)
    assert from_mapping(to_mapping(config)) == config


def test_kobart_searches_what_teams_search():
    config = load("kobart")
    assert config.model.name == "gogamza/kobart-base-v2"
    assert to_mapping(config)["optuna"]["search_space"] == {
        "training.learning_rate": {
            "type": "float",
            "low": 1e-5,
            "high": 5e-4,
            "log": True,
            "step": None,
            "when": {},
        },
        "training.per_device_train_batch_size": {
            "type": "categorical",
            "choices": [8, 16, 32],
            "when": {},
        },
        "training.num_train_epochs": {
            "type": "int",
            "low": 10,
            "high": 30,
            "log": False,
            "step": 5,
            "when": {},
        },
        "training.warmup_ratio": {
            "type": "float",
            "low": 0.0,
            "high": 0.2,
            "log": False,
            "step": None,
            "when": {},
        },
        "training.weight_decay": {
            "type": "categorical",
            "choices": [0.0, 0.01, 0.1],
            "when": {},
        },
    }
    assert (config.optuna.n_trials, config.optuna.sampler.name) == (20, "curve_tpe")


def test_both_searches_presets_extrapolate():
    for preset in ("kobart", "demo"):
        assert load(preset).optuna.pruner == Extrapolation()


def test_baseline_is_the_official_one_without_a_search():
    config = load("baseline")
    training, generation = config.training, config.generation
    assert (training.num_train_epochs, training.learning_rate) == (20, 1e-5)
    assert (training.per_device_train_batch_size, training.warmup_ratio) == (50, 0.1)
    assert (training.lr_scheduler_type, training.weight_decay) == ("cosine", 0.01)
    assert (generation.num_beams, generation.no_repeat_ngram_size) == (4, 2)
    assert (config.optuna.n_trials, config.optuna.search_space) == (1, {})
    assert config.optuna.pruner.name == "none"


def test_demo_stands_on_what_ships_with_the_project():
    config = load("demo")
    assert config.general.data_path == "sample:dialogues"
    assert (config.model.name, config.model.init) == ("sample:model", "random")
    assert config.wandb.mode == "offline"
    assert max_evaluations(config) <= 8
    rates = config.optuna.search_space["training.learning_rate"]
    assert rates.high / rates.low >= 99


def test_no_source_is_kobart():
    assert load(None) == load("kobart")


def test_a_file_stands_on_kobart_unless_it_says_otherwise(write_file):
    assert load(write_file("")) == load("kobart")
    assert load(write_file("preset: demo")) == load("demo")
    config = load(write_file("preset: baseline\ntraining: {learning_rate: 2e-4}"))
    assert (config.training.learning_rate, config.optuna.n_trials) == (2e-4, 1)


def test_each_layer_wins_over_the_one_before(write_file):
    file = write_file("training: {learning_rate: 1e-4, weight_decay: 0.2, warmup_ratio: 0.15}")
    config = load(
        file,
        overrides=["training.weight_decay=0.3", "training.warmup_ratio=0.16"],
        environ={"HPO__TRAINING__WARMUP_RATIO": "0.17"},
    )
    training = config.training
    assert training.num_train_epochs == 20  # the preset
    assert training.learning_rate == 1e-4  # the file
    assert training.weight_decay == 0.3  # -o
    assert training.warmup_ratio == 0.17  # the environment


def test_a_files_search_space_replaces_the_presets(write_file):
    file = write_file("optuna: {search_space: {training.learning_rate: {low: 1e-5, high: 1e-4}}}")
    assert list(load(file).optuna.search_space) == ["training.learning_rate"]


def test_a_files_sampler_replaces_the_presets(write_file):
    file = write_file("preset: demo\noptuna: {sampler: {name: tpe}}")
    assert load(file).optuna.sampler.n_startup_trials == 10


def test_a_byte_order_mark_is_read_over(tmp_path):
    path = tmp_path / "notepad.yaml"
    path.write_bytes(b"\xef\xbb\xbfgeneral: {seed: 7}")
    assert load(str(path)).general.seed == 7


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- a", "is not a mapping of sections"),
        ("kobart", "is not a mapping of sections"),
        ("training: {learning_rate: 1, learning_rate: 2}", "'learning_rate' is given twice"),
        ("training: [", "line 1: "),
        ("preset: kobrt", "'kobrt' is no preset; .* did you mean kobart"),
        ("presett: kobart", "unknown key presett; did you mean preset?"),
        ("preset: [kobart]", "is no preset"),
        ("training: {fp16: 3}", "training.fp16: 3 is not true or false"),
        ("training: {learning_rat: 3}", "unknown key training.learning_rat"),
        ("1: 2", "unknown key 1; valid here: general"),
        ("training: {1: 2}", "unknown key training.1"),
        ("training: &a {b: *a}", "line 1: contains itself"),
        ("provenance: &a {b: *a}", "line 1: contains itself"),
        ("optuna: &a {sampler: *a}", "line 1: contains itself"),
        ("optuna: {search_space: {training.learning_rate: [1e-5]}}", "is not a mapping"),
    ],
)
def test_a_refusal_names_the_file(write_file, text, reason):
    path = write_file(text)
    with pytest.raises(ConfigError, match=reason) as refusal:
        load(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("kobrt", "no such file, and 'kobrt' is no preset; .*did you mean kobart"),
        ("nowhere/config.yaml", "no such file"),
        ("/", "cannot be read"),
        ("a\0b", "cannot be read"),
        ("x" * 5000, "cannot be read"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused(source, reason):
    with pytest.raises(SourceError, match=reason):
        load(source)


@pytest.mark.parametrize("content", [b"\xff\xfea\x00", "notes: 한글".encode("cp949")])
def test_another_encoding_is_refused(tmp_path, content):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"is not UTF-8 at byte .* save it as UTF-8"):
        load(str(path))


@pytest.mark.parametrize("name", preset_names())
def test_a_dumped_configuration_loads_to_the_same(name, write_file):
    config = load(name)
    assert load(write_file(dump(config))) == config


def test_comments_stand_on_top(write_file):
    text = dump(Configuration(), comments=["study s", "two\nlines", "bell \x07", ""])
    assert text.startswith("# study s\n# two\n# lines\n# bell\n#\ngeneral:\n")
    load(write_file(text))


def test_sections_are_dumped_in_their_order():
    heads = [line[:-1] for line in dump(load("kobart")).splitlines() if line[0].isalpha()]
    assert heads[:8] == list(Configuration.model_fields)[:8]


def test_the_mapping_is_json_and_complete():
    mapping = to_mapping(load("demo"))
    assert json.loads(json.dumps(mapping)) == mapping
    assert from_mapping(json.loads(json.dumps(mapping))) == load("demo")
    assert mapping["training"]["evaluations_per_epoch"] == 1


def test_what_is_machine_local_may_be_left_out_of_a_mapping():
    mapping = to_mapping(load("demo"))
    del mapping["general"]["data_path"], mapping["general"]["output_dir"]
    assert from_mapping(mapping).general.data_path == Configuration().general.data_path


text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
leaves = st.none() | st.booleans() | st.floats(-1, 1) | st.integers() | text
configurations = st.fixed_dictionaries(
    {
        "general": st.fixed_dictionaries({"project_name": text, "seed": st.integers(0, 2**32 - 1)}),
        "training": st.fixed_dictionaries(
            {
                "learning_rate": st.floats(1e-300, 1) | st.just(2.9607793207038128e-05),
                "weight_decay": st.floats(0, 10),
                "warmup_ratio": st.floats(0, 0.999),
                "early_stopping_patience": st.none() | st.integers(1, 100),
            }
        ),
        "wandb": st.fixed_dictionaries({"notes": st.none() | text, "tags": st.lists(text)}),
        "provenance": st.none()
        | st.dictionaries(
            text, st.none() | st.booleans() | st.floats(-1, 1) | st.integers() | text
        ),
    }
)


@settings(deadline=None, max_examples=60)
@given(configurations)
def test_an_exported_configuration_loads_to_exactly_the_same(tmp_path_factory, mapping):
    config = from_mapping(mapping)
    path = tmp_path_factory.mktemp("export") / "config.yaml"
    path.write_text(dump(config, comments=["exported"]), encoding="utf-8")
    assert load(str(path)) == config


WORDS = """
    general training optuna search_space pruner sampler name median training.learning_rate low high
    choices when learning_rate type float model architecture d_model data_path train wandb tags
    metric fp16
"""
words = st.sampled_from(WORDS.split())
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | words
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(words | st.text(max_size=5), anything, max_size=4))
def test_any_mapping_makes_a_configuration_or_one_line(mapping):
    try:
        assert isinstance(from_mapping(mapping), Configuration)
    except ConfigError as refusal:
        line = str(refusal)
    else:
        line = "fine"
    assert line
    assert len(line.splitlines()) == 1


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=60))
def test_any_override_makes_a_configuration_or_one_line(override):
    try:
        load("baseline", overrides=[f"wandb.notes={override}", override])
    except ConfigError as refusal:
        line = str(refusal)
    else:
        line = "fine"
    assert len(line.splitlines()) == 1
