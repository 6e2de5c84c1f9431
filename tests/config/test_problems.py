"""Messages: what is wrong, with which value, and how to mend it."""

import pytest

from config.errors import ConfigError, SourceError, SpaceError
from config.load import from_mapping
from config.problems import SHOWN, shown


def problem(mapping: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as refusal:
        from_mapping(mapping)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (
            {"training": {"learning_rat": 1}},
            "unknown key training.learning_rat; did you mean learning_rate?",
        ),
        ({"trainin": {}}, "unknown key trainin; did you mean training?"),
        ({"training": {"lr": 1}}, "unknown key training.lr; did you mean learning_rate?"),
        (
            {"training": {"batch_size": 8}},
            "unknown key training.batch_size; did you mean per_device_train_batch_size?",
        ),
        (
            {"training": {"epochs": 8}},
            "unknown key training.epochs; did you mean num_train_epochs?",
        ),
        (
            {"training": {"num_beams": 4}},
            "unknown key training.num_beams; it belongs in generation",
        ),
        (
            {"metric": {"xyz": 4}},
            "unknown key metric.xyz; valid here: name, tokenizer",
        ),
        (
            {"wandb": {"api_key": "secret"}},
            "unknown key wandb.api_key; secrets come from the environment alone; set WANDB_API_KEY",
        ),
        (
            {"optuna": {"sampler": {"name": "tpe", "seed": 3}}},
            "unknown key optuna.sampler.seed; general.seed gives every seed",
        ),
        (
            {"optuna": {"pruner": {"name": "hyperband", "max_resource": "auto"}}},
            (
                "unknown key optuna.pruner.max_resource; it is always the most evaluations that a "
                "trial can reach"
            ),
        ),
        (
            {"optuna": {"pruner": {"name": "median", "n_warmup": 3}}},
            "unknown key optuna.pruner.n_warmup; did you mean n_warmup_steps?",
        ),
        (
            {"optuna": {"pruner": {"name": "patient", "wrapped_pruner": {"name": "medin"}}}},
            (
                "optuna.pruner.wrapped_pruner: 'medin' is not one of extrapolation, median, "
                "percentile, hyperband, successive_halving, none; did you mean median?"
            ),
        ),
        (
            {"general": {"data_path": {"train": "a", "dev": "b", "tets": "c"}}},
            "unknown key general.data_path.tets; did you mean test?",
        ),
        (
            {"general": {"data_path": {"train": "a"}}},
            "general.data_path.dev: is missing; write it",
        ),
        (
            {"training": {"learning_rate": "fast"}},
            "training.learning_rate: 'fast' is not a number such as 3e-5",
        ),
        (
            {"training": {"num_train_epochs": 2.5}},
            "training.num_train_epochs: 2.5 is not a whole number such as 16",
        ),
        (
            {"training": {"learning_rate": -1}},
            "training.learning_rate: -1 is out of range; it must be above 0",
        ),
        (
            {"training": {"gradient_checkpointing": "perhaps"}},
            "training.gradient_checkpointing: 'perhaps' is not true or false",
        ),
        (
            {"training": {"precision": "pf16"}},
            "training.precision: 'pf16' is not one of auto, bf16, fp16, fp32; did you mean fp16?",
        ),
        (
            {"preprocessing": {"cleaning": ["crying", "lafter"]}},
            (
                "preprocessing.cleaning[1]: 'lafter' is not one of newlines, line_breaks, "
                "laughter, crying, stray_jamo, whitespace; did you mean laughter?"
            ),
        ),
        ({"training": 5}, "training: 5 is not a mapping of settings"),
        ({"general": {"project_name": ""}}, "general.project_name: is empty; write a name"),
        ({"general": {"project_name": ["a"]}}, "general.project_name: ['a'] is not text"),
        (
            {"optuna": {"pruner": {"n_warmup_steps": 3}}},
            (
                "optuna.pruner: {'n_warmup_steps': 3} lacks 'name'; write its name, such as "
                "{name: median}"
            ),
        ),
        (
            {"optuna": {"sampler": {"seed": 3}}},
            "optuna.sampler: {'seed': 3} lacks 'name'; write its name, such as {name: tpe}",
        ),
        (
            {"optuna": {"search_space": {"training.weight_decay": {}}}},
            (
                "optuna.search_space.training.weight_decay: {} lacks 'type'; write low and "
                "high, or choices"
            ),
        ),
        (
            {"optuna": {"search_space": {"training.weight_decay": {"min": 0, "max": 1}}}},
            (
                "optuna.search_space.training.weight_decay: {'min': 0, 'max': 1} lacks 'type'; "
                "write low and high, or choices"
            ),
        ),
        (
            {"optuna": {"search_space": {"training.weight_decay": {"low": 0, "max": 1}}}},
            (
                "unknown key optuna.search_space.training.weight_decay.max; did you mean high? "
                "(and 1 more problem)"
            ),
        ),
    ],
)
def test_message_says_what_is_wrong_and_how_to_mend_it(mapping, message):
    assert problem(mapping) == message


def test_several_problems_are_counted_and_all_of_them_kept():
    with pytest.raises(ConfigError) as refusal:
        from_mapping({"training": {"learning_rate": 0, "weight_decay": -1, "epochs": 3}})
    assert str(refusal.value).endswith("(and 2 more problems)")
    assert len(refusal.value.problems) == 3


def test_a_secret_in_the_wrong_place_is_not_repeated():
    assert "hunter2" not in problem({"wandb": {"api_key": "hunter2"}})


def test_long_values_are_shortened():
    text = shown("x" * 10_000)
    assert len(text) == SHOWN
    assert text.endswith("…")


def test_a_value_of_several_lines_makes_a_message_of_one():
    assert "\n" not in problem({"training": {"learning_rate": "a\nb"}})


def test_all_errors_are_config_errors():
    assert issubclass(SourceError, ConfigError)
    assert issubclass(SpaceError, ConfigError)


def test_an_error_without_a_message_still_says_something():
    assert str(ConfigError()) == "the configuration is not valid"
