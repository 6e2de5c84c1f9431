"""A checkpoint root that is really full: the training goes on, what is there stays whole."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from small_training import small_config, write_dialogues

from trainer.data import locate_data
from trainer.evaluation import Evaluation, FitResult, Step
from trainer.fit import fit
from trainer.resume_store import open_resume_store
from trainer.session import TrainingSession


def scores(result: FitResult) -> list[Evaluation]:
    return [replace(e, seconds=0.0, checkpoint=None, replayed=False) for e in result.evaluations]


@pytest.mark.parametrize("small_disk", [8192], indirect=True)
def test_full_checkpoint_root_keeps_its_last_whole_state(
    small_disk: Path,
    fill: Callable[[Path], None],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = small_config(write_dialogues(tmp_path / "data"), tmp_path)
    session = TrainingSession(locate_data(config.general.data_path), tmp_path / "cache")
    store = open_resume_store(small_disk / "root", "s/trial_00001")

    def on_evaluation(evaluation: Evaluation) -> bool:
        if evaluation.step == 1:
            fill(small_disk)
        return True

    with caplog.at_level(logging.WARNING):
        disturbed = fit(
            config, on_evaluation, session=session, output_dir=tmp_path / "one", resume=store
        )
    assert "cannot be saved" in caplog.text
    assert "No space left on device" in caplog.text
    assert [entry.split("-")[3] for entry in store.place.entries() if "state" in entry] == [
        "000001"
    ]
    assert store.place.leftovers() == []
    (small_disk / "filler").unlink()
    taken: list[Step] = []
    again = fit(
        config,
        lambda _: True,
        session=session,
        output_dir=tmp_path / "two",
        on_step=taken.append,
        resume=store,
    )
    assert scores(again) == scores(disturbed)
    assert taken[0].step > taken[-1].step // 3  # the first epoch is not trained again
