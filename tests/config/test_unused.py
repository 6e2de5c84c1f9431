"""Settings given by hand to fields that the search draws."""

import pytest

from config.load import load
from config.unused import unused_settings

WARMUP_WHEN = "optuna.search_space.training.warmup_ratio.when={training.num_train_epochs: 8}"


def unused(*overrides, **environ):
    config = load("demo", overrides=overrides, environ=environ)
    return unused_settings(config, overrides, environ)


def test_a_setting_of_a_drawn_field_is_named_with_what_would_keep_it():
    (line,) = unused(" training.learning_rate = 1e-3 ")
    assert line == (
        "-o training.learning_rate=1e-3 is in no trial, for the search draws this field;"
        " to have it in every trial, add -o optuna.search_space.training.learning_rate=null"
    )


def test_what_the_line_advises_keeps_the_setting():
    assert (
        unused(
            "training.learning_rate=1e-3",
            "optuna.search_space.training.learning_rate=null",
        )
        == ()
    )


def test_a_setting_of_the_environment_is_named_as_it_was_written():
    (line,) = unused(HPO__TRAINING__NUM_TRAIN_EPOCHS="7")
    assert line.startswith("HPO__TRAINING__NUM_TRAIN_EPOCHS=7 is in no trial")


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("training.weight_decay=0.1",),
        ("optuna.search_space.training.learning_rate.high=1e-2",),
        ("training.warmup_ratio=0.1", WARMUP_WHEN),
    ],
)
def test_what_some_trial_has_needs_no_line(overrides):
    assert unused(*overrides) == ()
