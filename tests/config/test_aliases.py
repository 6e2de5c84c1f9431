"""The spellings of the teams' guide."""

import pytest

from config.errors import ConfigError
from config.load import from_mapping, load, to_mapping
from config.pruners import Hyperband, Median, MedianHyperband, NoPruner, Patient
from config.samplers import GP, QMC, TPE, CmaEs, Grid, Random

# Word for word as in the guide.
GUIDE = """\
general: {project_name: dialogue-summarization, data_path: ./data/, \
output_dir: ./outputs/integrated_experiment, seed: 42}
model: {name: gogamza/kobart-base-v2, max_encoder_length: 512, max_decoder_length: 128}
training:
  learning_rate: 3e-5
  per_device_train_batch_size: 16
  num_train_epochs: 20
  warmup_ratio: 0.1
  weight_decay: 0.01
  gradient_accumulation_steps: 1
  fp16: true
  save_total_limit: 3
  early_stopping_patience: 3
wandb: {project: dialogue-summarization, entity: nlp-team-5, tags: [kobart, integrated], \
notes: "..."}
optuna: {n_trials: 20, direction: maximize, metric: rougeL, pruner: MedianPruner}
"""


def test_the_guides_file_is_accepted_as_it_is(write_file):
    config = load(write_file(GUIDE))
    assert config.general.output_dir == "./outputs/integrated_experiment"
    assert config.training.learning_rate == 3e-5
    assert config.training.precision == "fp16"
    assert config.training.save_total_limit == 3
    assert config.training.early_stopping_patience == 3
    assert config.metric.name == "rougeL"
    assert isinstance(config.optuna.pruner, Median)
    assert config.optuna.n_trials == 20
    assert config.wandb.entity == "nlp-team-5"
    assert config.wandb.tags == ("kobart", "integrated")
    assert config.wandb.notes == "..."


def test_the_guides_file_searches_the_presets_space(write_file):
    assert load(write_file(GUIDE)).optuna.search_space == load("kobart").optuna.search_space


@pytest.mark.parametrize(
    ("training", "precision"),
    [
        ({"fp16": True}, "fp16"),
        ({"bf16": True}, "bf16"),
        ({"fp16": False, "bf16": True}, "bf16"),
        ({"fp16": False}, "fp32"),
        ({"fp16": False, "bf16": False}, "fp32"),
        ({"fp16": None}, "auto"),
        ({"fp16": True, "precision": "fp16"}, "fp16"),
    ],
)
def test_half_precision_as_the_trainer_writes_it(training, precision):
    assert from_mapping({"training": training}).training.precision == precision


@pytest.mark.parametrize(
    ("training", "reason"),
    [
        ({"fp16": True, "bf16": True}, "keep one of them"),
        ({"fp16": True, "precision": "bf16"}, "'bf16' contradicts fp16: true"),
        ({"fp16": "maybe"}, "'maybe' is not true or false"),
    ],
)
def test_contradicting_precisions_are_refused(training, reason):
    with pytest.raises(ConfigError, match=reason):
        from_mapping({"training": training})


def test_a_files_precision_replaces_the_presets(write_file):
    assert load(write_file("training: {bf16: true}")).training.precision == "bf16"


def test_contradicting_metrics_are_refused():
    with pytest.raises(ConfigError, match=r"'rougeL' contradicts metric.name: 'rouge1'"):
        from_mapping({"optuna": {"metric": "rougeL"}, "metric": {"name": "rouge1"}})


def test_the_same_metric_twice_is_no_contradiction():
    mapping = {"optuna": {"metric": "rougeL"}, "metric": {"name": "rougeL"}}
    assert from_mapping(mapping).metric.name == "rougeL"


def test_an_unknown_metric_of_the_guides_spelling_is_refused():
    with pytest.raises(ConfigError, match=r"'rougel' is not one of .* did you mean rougeL"):
        from_mapping({"optuna": {"metric": "rougel"}})


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("TPESampler", TPE),
        ("tpe", TPE),
        ("TPE", TPE),
        ("RandomSampler", Random),
        ("GridSampler", Grid),
        ("GPSampler", GP),
        ("CmaEsSampler", CmaEs),
        ("QMCSampler", QMC),
        ({"name": "TPESampler", "n_startup_trials": 3}, TPE),
    ],
)
def test_samplers_by_class_or_name(written, kind):
    assert isinstance(from_mapping({"optuna": {"sampler": written}}).optuna.sampler, kind)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("MedianPruner", Median),
        ("HyperbandPruner", Hyperband),
        ("hyperband+median", MedianHyperband),
        ("NopPruner", NoPruner),
        ("none", NoPruner),
        (None, NoPruner),
        ({"name": "PatientPruner", "wrapped_pruner": "MedianPruner"}, Patient),
        ({"name": "patient", "wrapped_pruner": None}, Patient),
    ],
)
def test_pruners_by_class_or_name(written, kind):
    assert isinstance(from_mapping({"optuna": {"pruner": written}}).optuna.pruner, kind)


def test_a_wrapped_pruner_is_spelt_like_any():
    patient = {"name": "patient", "wrapped_pruner": "MedianPruner"}
    assert isinstance(from_mapping({"optuna": {"pruner": patient}}).optuna.pruner, Patient)
    mapping = to_mapping(from_mapping({"optuna": {"pruner": patient}}))
    assert mapping["optuna"]["pruner"]["wrapped_pruner"]["name"] == "median"


def test_the_schemas_own_spelling_comes_out():
    mapping = to_mapping(from_mapping({"training": {"fp16": True}, "optuna": {"metric": "rouge1"}}))
    assert "fp16" not in mapping["training"]
    assert "metric" not in mapping["optuna"]
    assert mapping["metric"]["name"] == "rouge1"


@pytest.mark.parametrize("value", [5, [], "x"])
def test_a_section_of_the_wrong_kind_is_left_for_the_schema_to_refuse(value):
    for section in ("training", "optuna", "metric"):
        with pytest.raises(ConfigError, match=f"{section}: .* is not a mapping"):
            from_mapping({section: value})


def test_wrong_kinds_beside_an_alias_are_refused_too():
    with pytest.raises(ConfigError, match="metric: 5 is not a mapping"):
        from_mapping({"metric": 5, "optuna": {"metric": "rouge1"}})
