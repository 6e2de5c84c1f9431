"""Settings given one at a time: -o and the environment."""

import pytest

from config.errors import ConfigError, SourceError
from config.load import load
from config.overrides import settings_from, settings_from_environment


def test_an_override_is_split_at_its_first_equals_sign():
    (setting,) = settings_from(["wandb.notes=a=b"])
    assert (setting.field, setting.text) == ("wandb.notes", "a=b")


@pytest.mark.parametrize("override", ["", "=", "=3", "training", "training.=3", ".x=3", "a..b=3"])
def test_what_is_no_setting_is_refused(override):
    with pytest.raises(SourceError, match=r"is not a setting; write section\.field=value"):
        list(settings_from([override]))


@pytest.mark.parametrize(
    ("override", "section", "field", "value"),
    [
        ("training.learning_rate=2e-4", "training", "learning_rate", 2e-4),
        (" training.learning_rate = 2e-4", "training", "learning_rate", 2e-4),
        ("training.early_stopping_patience=null", "training", "early_stopping_patience", None),
        ("training.gradient_checkpointing=true", "training", "gradient_checkpointing", True),
        ("training.fp16=true", "training", "precision", "fp16"),
        ("optuna.metric=rougeL", "metric", "name", "rougeL"),
        ("preprocessing.cleaning=[crying]", "preprocessing", "cleaning", ("crying",)),
        ("wandb.tags=[a, b]", "wandb", "tags", ("a", "b")),
        ("wandb.tags=a, b", "wandb", "tags", ("a", "b")),
        ("wandb.notes=first: second", "wandb", "notes", "first: second"),
        ("wandb.notes=[open", "wandb", "notes", "[open"),
        ("wandb.notes=", "wandb", "notes", None),
        ("wandb.entity=null", "wandb", "entity", None),
        ("wandb.entity=007", "wandb", "entity", "007"),
        ("general.project_name=2025-07-01", "general", "project_name", "2025-07-01"),
        ("general.data_path=C:/data", "general", "data_path", "C:/data"),
        ("optuna.n_trials=40", "optuna", "n_trials", 40),
    ],
)
def test_values_are_read_as_in_yaml_and_text_as_it_stands(override, section, field, value):
    config = load("kobart", overrides=[override])
    assert getattr(getattr(config, section), field) == value


def test_data_files_can_be_named_one_by_one():
    config = load("kobart", overrides=["general.data_path={train: a.csv, dev: b.csv}"])
    assert config.general.data_path.dev == "b.csv"
    config = load(
        "kobart",
        overrides=["general.data_path={train: a.csv, dev: b.csv}", "general.data_path.dev=c.csv"],
    )
    assert (config.general.data_path.train, config.general.data_path.dev) == ("a.csv", "c.csv")


def test_another_pruner_brings_its_own_options():
    pruner = load("kobart", overrides=["optuna.pruner=hyperband"]).optuna.pruner
    assert (pruner.name, pruner.min_resource) == ("hyperband", 5)
    pruner = load("kobart", overrides=["optuna.pruner.name=median"]).optuna.pruner
    assert pruner.name == "median"


def test_one_option_of_a_pruner_leaves_the_others(write_file):
    file = write_file("optuna: {pruner: {name: median, n_warmup_steps: 7}}")
    pruner = load(file, overrides=["optuna.pruner.n_startup_trials=9"]).optuna.pruner
    assert (pruner.n_startup_trials, pruner.n_warmup_steps) == (9, 7)


def test_an_end_of_a_range_can_be_moved():
    override = "optuna.search_space.training.learning_rate.high=2e-4"
    entry = load("kobart", overrides=[override]).optuna.search_space["training.learning_rate"]
    assert (entry.low, entry.high, entry.log) == (1e-5, 2e-4, True)


def test_an_entry_can_be_replaced_added_and_taken_out():
    space = load(
        "kobart",
        overrides=[
            "optuna.search_space.training.weight_decay=null",
            "optuna.search_space.training.learning_rate={choices: [1e-5, 2e-5]}",
            "optuna.search_space.generation.num_beams={low: 2, high: 6}",
        ],
    ).optuna.search_space
    assert "training.weight_decay" not in space
    assert space["training.learning_rate"].choices == (1e-5, 2e-5)
    assert space["generation.num_beams"].type == "int"


def test_the_whole_space_can_be_replaced():
    override = "optuna.search_space={training.warmup_ratio: {low: 0, high: 0.1}}"
    config = load("kobart", overrides=[override])
    assert list(config.optuna.search_space) == ["training.warmup_ratio"]


def test_a_whole_section_is_laid_over():
    config = load("kobart", overrides=["optuna={n_trials: 3, pruner: none}"])
    assert (config.optuna.n_trials, config.optuna.pruner.name) == (3, "none")
    assert len(config.optuna.search_space) == 5


def test_later_overrides_win():
    config = load("kobart", overrides=["general.seed=1", "general.seed=2"])
    assert config.general.seed == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.lr=1", "-o training.lr: unknown key training.lr; did you mean learning_rate?"),
        ("trainig.lr=1", "-o trainig.lr: unknown key trainig; did you mean training?"),
        (
            "optuna.samplr.name=tpe",
            "-o optuna.samplr.name: unknown key optuna.samplr; did you mean sampler?",
        ),
        (
            "augmentation.paraphrase=0.5",
            "-o augmentation.paraphrase: augmentation: paraphrase is 0.5 but there is no",
        ),
        ("training.learning_rate=x", "-o training.learning_rate: 'x' is not a number"),
        ("preprocessing.cleaning=[laugh]", "-o preprocessing.cleaning[0]: 'laugh' is not one of"),
        ("general.data_path={train: a}", "-o general.data_path.dev: is missing"),
        ("training=5", "-o training: 5 is not a mapping"),
        ("training.fp16=perhaps", "-o training.fp16: 'perhaps' is not true or false"),
        ("wandb.tags=[x", "-o wandb.tags: line 1:"),
        ("optuna.sampler=grid", "-o optuna.sampler: grid needs a finite space"),
    ],
)
def test_a_refusal_names_the_override(override, message):
    with pytest.raises(ConfigError) as refusal:
        load("kobart", overrides=[override])
    assert str(refusal.value).startswith(message)


BAD_RANGE = "optuna: {search_space: {training.learning_rate: {low: 1e-4, high: 1e-5}}}"


@pytest.mark.parametrize("field", ["training.learning_rate", "optuna.n_trials"])
def test_a_files_search_space_is_not_blamed_on_another_override(write_file, field):
    file = write_file(BAD_RANGE)
    with pytest.raises(ConfigError) as refusal:
        load(file, overrides=[f"{field}=1"])
    assert str(refusal.value).startswith(f"{file}: optuna.search_space.training.learning_rate: ")


def test_an_end_of_a_range_is_blamed_for_the_range(write_file):
    setting = "optuna.search_space.training.learning_rate.high"
    with pytest.raises(ConfigError) as refusal:
        load("kobart", overrides=[f"{setting}=1e-7"])
    assert str(refusal.value).startswith(f"-o {setting}: ")


def test_a_setting_below_a_value_is_refused():
    with pytest.raises(ConfigError, match=r"max_encoder_length: {'x': 3} is not a whole number"):
        load("kobart", overrides=["model.max_encoder_length.x=3"])


def test_environment_gives_fields_and_wandb_ones():
    environ = {
        "HPO__TRAINING__LEARNING_RATE": "3e-4",
        "HPO__OPTUNA__SEARCH_SPACE__TRAINING__LEARNING_RATE__LOW": "2e-5",
        "WANDB_PROJECT": "p",
        "WANDB_ENTITY": "e",
        "HPO_STORAGE": "sqlite:///x.db",
        "WANDB_API_KEY": "k",
        "PATH": "/bin",
    }
    config = load("kobart", environ=environ)
    assert config.training.learning_rate == 3e-4
    assert config.optuna.search_space["training.learning_rate"].low == 2e-5
    assert (config.wandb.project, config.wandb.entity) == ("p", "e")


def test_own_variables_win_over_those_of_wandb():
    environ = {"WANDB_PROJECT": "theirs", "HPO__WANDB__PROJECT": "ours"}
    assert load("kobart", environ=environ).wandb.project == "ours"


def test_an_empty_wandb_variable_says_nothing():
    assert load("kobart", environ={"WANDB_PROJECT": ""}).wandb.project == "dialogue-summarization"


def test_a_refusal_names_the_variable():
    with pytest.raises(ConfigError) as refusal:
        load("kobart", environ={"HPO__TRAINING__LEARNING_RAT": "1"})
    assert str(refusal.value) == (
        "HPO__TRAINING__LEARNING_RAT: unknown key training.learning_rat; "
        "did you mean learning_rate?"
    )


@pytest.mark.parametrize("variable", ["HPO__", "HPO__TRAINING__", "HPO____X"])
def test_a_variable_without_a_field_is_refused(variable):
    with pytest.raises(SourceError, match="names no field"):
        list(settings_from_environment({variable: "1"}))
