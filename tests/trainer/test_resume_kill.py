"""Trainings whose processes are killed with SIGKILL, in the middle of anything, again and again."""

import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path

import killed_training
import pytest
import torch
from killed_training import Moment, train
from safetensors.torch import load_file

from config.load import dump
from config.schema import Configuration

TRAINING = {
    "num_train_epochs": 2,
    "evaluations_per_epoch": 2,
    "per_device_train_batch_size": 2,
    "gradient_accumulation_steps": 2,
    "learning_rate": 1e-2,
    "save_total_limit": 2,
    "early_stopping_patience": 3,
}  # 8 optimizer steps, an evaluation after every second, 4 polls in each
CHAINS = {
    "early, while evaluating, at the last step": [
        Moment(step=1),
        Moment(step=3),
        Moment(poll=2),
        Moment(step=5),
        Moment(poll=1),
    ],
    "while saving": [Moment(touched=n) for n in (9, 14, 19, 25, 31, 38, 46)],
}


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[..., int]]:
    """Run a training in a fresh process, forked from one that has the imports behind it."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["killed_training"])
    paths = [str(Path(killed_training.__file__).parent), os.environ.get("PYTHONPATH", "")]

    def run(settings: Path, folder: Path, moment: Moment) -> int:
        process = context.Process(target=train, args=(settings, folder, moment))
        process.start()
        process.join()
        assert process.exitcode is not None
        return process.exitcode

    with pytest.MonkeyPatch.context() as patch:  # what it imports first, it finds by this alone
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        yield run


def plain(report: dict[str, list[dict[str, object]]]) -> list[dict[str, object]]:
    differing = {"seconds", "checkpoint", "replayed"}
    return [{k: v for k, v in e.items() if k not in differing} for e in report["evaluations"]]


@pytest.mark.parametrize("moments", CHAINS.values(), ids=CHAINS.keys())
def test_killed_training_ends_with_the_scores_curve_and_weights_of_one_that_was_not(
    tiny_config: Callable[..., Configuration],
    launch: Callable[..., int],
    tmp_path: Path,
    moments: Sequence[Moment],
) -> None:
    settings = tmp_path / "settings.yaml"
    config = tiny_config(general={"cpu_threads": 1}, training=TRAINING)
    settings.write_text(dump(config), encoding="utf-8")
    reports = []
    for name, chain in (("undisturbed", []), ("killed", moments)):
        folder = tmp_path / name
        folder.mkdir()
        codes = [launch(settings, folder, moment) for moment in chain]
        assert set(codes) <= {-signal.SIGKILL, 0}
        assert codes.count(-signal.SIGKILL) >= min(4, len(chain))
        assert launch(settings, folder, Moment()) == 0
        reports.append(json.loads((folder / "result.json").read_text(encoding="utf-8")))
    expected, found = reports
    assert plain(found) == plain(expected)
    assert found["ended"] == expected["ended"]
    wanted = load_file(Path(expected["model"]) / "model.safetensors")
    got = load_file(Path(found["model"]) / "model.safetensors")
    assert all(torch.equal(got[name], wanted[name]) for name in wanted)
    hidden = (tmp_path / "killed" / "watched" / "out").glob(".*")
    assert list(hidden) == []
