import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.load import from_mapping
from hpo.run_names import run_id, run_name, short_model_name, short_number

MODELS = {
    "gogamza/kobart-base-v2": "kobart",
    "gogamza/kobart-base-v1": "kobart",
    "digit82/kobart-summarization": "kobart-summarization",
    "EbanLee/kobart-summary-v3": "kobart-summary",
    "facebook/bart-large-cnn": "bart-large-cnn",
    "google/mt5-small": "mt5",
    "./models/my_kobart/": "my-kobart",
    r"C:\models\kobart": "kobart",
    "sample:model": "sample",
    "내모델-v2": "내모델",
    "v2": "v2",
    "/": "model",
}
NUMBERS = {
    3e-5: "3e-5",
    2.3e-5: "2.3e-5",
    2.345678e-5: "2.3e-5",
    9.96e-5: "1e-4",
    0.0005: "5e-4",
    1.0: "1e0",
}


@pytest.mark.parametrize(("name", "short"), MODELS.items())
def test_a_model_is_called_by_what_it_is_not_by_its_size_or_version(name, short):
    assert short_model_name(name) == short


@pytest.mark.parametrize(("number", "short"), NUMBERS.items())
def test_a_learning_rate_is_written_with_two_digits(number, short):
    assert short_number(number) == short


def test_a_name_follows_the_teams_rule():
    config = from_mapping(
        {
            "model": {"name": "gogamza/kobart-base-v2"},
            "training": {
                "learning_rate": 3e-5,
                "per_device_train_batch_size": 16,
                "num_train_epochs": 20,
            },
        }
    )
    assert run_name(config) == "kobart_lr3e-5_bs16_ep20"


def test_a_models_version_is_not_taken_for_the_datas():
    """kobart_v2_... would mean KoBART on the data's version 2."""
    config = from_mapping({"model": {"name": "gogamza/kobart-base-v2"}})
    assert not run_name(config).startswith("kobart_v2")


def test_an_id_is_the_same_on_every_worker_and_after_every_restart():
    assert run_id("kobart", "key", 7) == "kobart-f7fb6607dd-t7"


def test_studies_of_one_name_in_two_databases_have_different_ids():
    assert run_id("kobart", "one", 7) != run_id("kobart", "other", 7)


def test_studies_that_look_alike_in_ascii_have_different_ids():
    assert run_id("한국어", "key", 7) != run_id("일본어", "key", 7)


@given(study=st.text(min_size=1), key=st.text(), number=st.integers(0, 10**7))
def test_every_study_name_gives_an_id_that_wandb_takes(study, key, number):
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", run_id(study, key, number))


@given(number=st.floats(1e-9, 10))
def test_a_short_number_is_within_five_percent(number):
    assert float(short_number(number)) == pytest.approx(number, rel=0.051)
