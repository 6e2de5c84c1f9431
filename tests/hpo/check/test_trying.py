"""What is tried: never beside somebody else on the card, and a failure is one line."""

from pathlib import Path

import pytest
from small_training import small_config, write_dialogues

from hpo.check.cards import Card
from hpo.check.duration import from_epoch, mean_epochs
from hpo.check.subject import Asked, Subject
from hpo.check.trying import TryFailed, tried, why_not

GIB = 1024**3
MEASURED = {"steps_s": 50.0, "evaluation_s": 10.0, "sample": 64, "dev": 499}


def subject_with(*cards: Card) -> Subject:
    subject = Subject(Asked("sqlite:///hpo.db"))
    subject.cards._make = lambda: list(cards)
    return subject


@pytest.mark.parametrize(("free", "tries"), [(79, True), (40, False), (None, True)])
def test_a_card_in_use_is_left_alone(free: int | None, tries: bool) -> None:
    card = Card("A100", (8, 0), 80 * GIB, None if free is None else free * GIB, None)
    assert (why_not(subject_with(card)) is None) == tries


def test_without_a_card_nobody_is_disturbed() -> None:
    assert why_not(subject_with()) is None


def test_what_ends_a_try_is_its_last_words(tmp_path: Path) -> None:
    config = small_config(write_dialogues(tmp_path / "data"), tmp_path / "outputs")
    general = config.general.model_copy(update={"data_path": str(tmp_path / "none")})
    with pytest.raises(TryFailed, match="there is no folder") as failed:
        tried(config.model_copy(update={"general": general}), "memory")
    assert "\n" not in str(failed.value)


def configured(tmp_path: Path, **optuna: object):
    config = small_config(tmp_path, tmp_path)
    return config.model_copy(update={"optuna": config.optuna.model_copy(update=optuna)})


def test_the_whole_budget_is_told_from_an_epoch(tmp_path: Path) -> None:
    config = configured(tmp_path, n_trials=10)
    assert mean_epochs(config) == 7
    found = from_epoch(config, MEASURED)
    assert found.level == "ok"
    assert "about 1.2 h for 10 trials of 7 epochs" in found.text  # 10 x 7 x 60 s
    assert "pruning shortens it" in found.text
    assert "64 of 499" in found.text


def test_an_epoch_of_less_than_a_second_is_not_said_to_take_none(tmp_path: Path) -> None:
    quick = {**MEASURED, "steps_s": 0.412, "evaluation_s": 0.04}
    text = from_epoch(configured(tmp_path, n_trials=10), quick).text
    assert "an epoch takes 0.45 s (0.41 s of steps, 0.04 s an evaluation" in text


def test_a_timeout_that_comes_before_is_a_warning(tmp_path: Path) -> None:
    found = from_epoch(configured(tmp_path, n_trials=10, timeout=3600.0), MEASURED)
    assert found.level == "warning"
    assert "optuna.timeout 1.0 h" in found.text


def test_without_epochs_in_the_search_space_the_configured_ones_count(tmp_path: Path) -> None:
    assert mean_epochs(configured(tmp_path, search_space={})) == 3
