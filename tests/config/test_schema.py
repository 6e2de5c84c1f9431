"""The sections, their defaults and their bounds."""

import pytest
from pydantic import BaseModel, ValidationError

from config.errors import ConfigError
from config.load import from_mapping, to_mapping
from config.schema import Configuration, DataFiles


def test_nothing_given_is_a_complete_configuration():
    config = Configuration()
    assert config.training.learning_rate == 5e-5
    assert config.model.max_encoder_length == 512
    assert config.model.max_decoder_length == 128
    assert config.metric.name == "rouge_combined_f1"
    assert len(config.preprocessing.special_tokens) == 15
    assert config.general.seed == 42


def test_configuration_never_changes():
    config = Configuration()
    with pytest.raises(ValidationError):
        config.training.learning_rate = 1.0
    with pytest.raises(ValidationError):
        config.general = config.general


@pytest.mark.parametrize("written", [2e-4, "2e-4", "2E-4", " 0.0002 ", "+2.0e-04"])
def test_numbers_are_read_however_they_are_written(written):
    assert from_mapping({"training": {"learning_rate": written}}).training.learning_rate == 2e-4


@pytest.mark.parametrize("written", [16, "16", 16.0])
def test_whole_numbers_are_read_however_they_are_written(written):
    batch = from_mapping({"training": {"per_device_train_batch_size": written}})
    size = batch.training.per_device_train_batch_size
    assert (size, type(size)) == (16, int)


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        ("general", "seed", -1),
        ("general", "seed", 2**32),
        ("general", "seed", 1.5),
        ("general", "cpu_threads", 0),
        ("general", "project_name", ""),
        ("general", "data_path", ""),
        ("general", "data_path", {"train": "a.csv"}),
        ("model", "max_encoder_length", 0),
        ("model", "max_decoder_length", -5),
        ("model", "init", "zeros"),
        ("preprocessing", "cleaning", ["laundry"]),
        ("preprocessing", "cleaning", "laughter"),
        ("preprocessing", "special_tokens", [""]),
        ("training", "learning_rate", 0),
        ("training", "learning_rate", 1.01),
        ("training", "learning_rate", "fast"),
        ("training", "learning_rate", True),
        ("training", "learning_rate", float("nan")),
        ("training", "learning_rate", "inf"),
        ("training", "learning_rate", None),
        ("training", "per_device_train_batch_size", 0),
        ("training", "per_device_eval_batch_size", 2.5),
        ("training", "num_train_epochs", 0),
        ("training", "num_train_epochs", "ten"),
        ("training", "warmup_ratio", 1),
        ("training", "warmup_ratio", -0.1),
        ("training", "weight_decay", -0.01),
        ("training", "gradient_accumulation_steps", 0),
        ("training", "label_smoothing", 1.0),
        ("training", "lr_scheduler_type", "cosinus"),
        ("training", "precision", "fp8"),
        ("training", "gradient_checkpointing", 3),
        ("training", "early_stopping_patience", 0),
        ("training", "save_total_limit", 0),
        ("training", "evaluations_per_epoch", 0),
        ("training", "max_grad_norm", -1),
        ("generation", "num_beams", 0),
        ("generation", "length_penalty", 11),
        ("generation", "no_repeat_ngram_size", -1),
        ("generation", "max_new_tokens", 0),
        ("metric", "name", "bleu"),
        ("metric", "tokenizer", "mecab"),
        ("optuna", "n_trials", 0),
        ("optuna", "direction", "minimize"),
        ("optuna", "timeout", 0),
        ("optuna", "sampler", "bohb"),
        ("optuna", "pruner", "threshold"),
        ("optuna", "search_space", ["training.learning_rate"]),
        ("wandb", "mode", "sometimes"),
        ("wandb", "tags", 5),
    ],
)
def test_refusal_names_the_field_and_takes_one_line(section, field, value):
    with pytest.raises(ConfigError) as refusal:
        from_mapping({section: {field: value}})
    assert f"{section}.{field}" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "pydantic" not in str(refusal.value)


def test_minimize_is_refused_with_the_reason():
    with pytest.raises(ConfigError, match="ROUGE F1, where more is better; write maximize"):
        from_mapping({"optuna": {"direction": "minimize"}})


def test_data_may_be_a_folder_or_files_by_name():
    files = {"train": "a.csv", "dev": "b.jsonl"}
    assert from_mapping({"general": {"data_path": "x/"}}).general.data_path == "x/"
    named = from_mapping({"general": {"data_path": files}}).general.data_path
    assert named == DataFiles(train="a.csv", dev="b.jsonl", test=None)


def test_a_name_may_look_like_a_number():
    config = from_mapping({"general": {"project_name": 2025}, "wandb": {"tags": [1, "kobart"]}})
    assert config.general.project_name == "2025"
    assert config.wandb.tags == ("1", "kobart")


def test_tags_on_one_line_are_split_at_commas():
    assert from_mapping({"wandb": {"tags": "a, b,"}}).wandb.tags == ("a", "b")


def test_a_cleaning_step_named_twice_is_done_once():
    config = from_mapping({"preprocessing": {"cleaning": ["crying", "crying", "laughter"]}})
    assert config.preprocessing.cleaning == ("crying", "laughter")


def test_cleaning_can_be_switched_off():
    assert from_mapping({"preprocessing": {"cleaning": []}}).preprocessing.cleaning == ()


def test_an_empty_section_says_nothing():
    assert from_mapping({"training": None, "wandb": None}) == Configuration()


SMALL = {"init": "random", "max_encoder_length": 64, "max_decoder_length": 32}
SHORT = {"max_new_tokens": 32}


def test_random_weights_may_have_another_architecture():
    architecture = {"d_model": "32", "dropout": 0, "activation_function": "relu"}
    config = from_mapping({"model": {**SMALL, "architecture": architecture}})
    assert config.model.architecture == {
        "d_model": 32,
        "dropout": 0.0,
        "activation_function": "relu",
    }


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ({"architecture": {"d_model": 32}}, "pretrained weights; write model.init: random"),
        ({**SMALL, "architecture": {"d_modle": 32}}, "did you mean d_model"),
        ({**SMALL, "architecture": {"vocab_size": 32}}, "unknown key model.architecture"),
        ({**SMALL, "architecture": {"encoder_layers": 0}}, "must be at least 1"),
        (
            {**SMALL, "architecture": {"d_model": 30, "decoder_attention_heads": 4}},
            "decoder_attention_heads: 4 does not divide d_model 30",
        ),
        (
            {**SMALL, "architecture": {"max_position_embeddings": 63}},
            "63 is below the longest text, 64 tokens",
        ),
    ],
)
def test_an_impossible_architecture_is_refused(model, reason):
    with pytest.raises(ConfigError, match=reason):
        from_mapping({"model": model, "generation": SHORT})


def test_the_start_token_needs_a_position_too():
    model = {**SMALL, "architecture": {"max_position_embeddings": 64}}
    from_mapping({"model": model, "generation": {"max_new_tokens": 63}})
    with pytest.raises(ConfigError, match="65 tokens"):
        from_mapping({"model": model, "generation": {"max_new_tokens": 64}})


def test_provenance_is_free_and_kept_as_it_is():
    provenance = {"study": "s", "trial": 3, "value": 0.41, "versions": {"torch": "2.13"}, "n": None}
    config = from_mapping({"provenance": provenance})
    assert to_mapping(config)["provenance"] == provenance


def _sections(model: type[BaseModel]) -> list[type[BaseModel]]:
    return [
        field.annotation
        for field in model.model_fields.values()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    ]


@pytest.mark.parametrize("section", _sections(Configuration), ids=lambda one: one.__name__)
def test_every_field_is_described(section):
    missing = [name for name, field in section.model_fields.items() if not field.description]
    assert missing == []
