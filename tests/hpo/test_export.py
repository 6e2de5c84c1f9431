"""The winner as a configuration that loads to exactly what the trial ran with."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial

from config.load import load
from config.schema import Configuration
from hpo import study as studies
from hpo.errors import HpoError
from hpo.export import export_yaml, find_best, winning_configuration
from hpo.pinned import Pinned
from hpo.trial_record import BEST_EPOCH, CHECKPOINT, MACHINE, Best
from storage.connect import Database

LR = "training.learning_rate"


def best_with(learning_rate: float, *, device: str = "cpu") -> Best:
    return Best(
        number=4,
        value=0.4321,
        epoch=3.0,
        params={LR: learning_rate},
        machine={"device": device, "cpu_threads": 3, "precision": "fp32"},
        checkpoint="outputs/s/trial_00004/evaluation-3",
    )


@pytest.fixture
def pinned(database: Database, configured: Callable[..., Configuration]) -> Pinned:
    config = configured(space={LR: {"low": 1e-5, "high": 5e-4, "log": True}})
    studies.create(database, "s", config, data_fingerprint="f" * 64)
    return studies.read(database, "s")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(learning_rate=st.floats(min_value=1e-5, max_value=5e-4))
def test_the_export_loads_to_the_very_same_configuration(
    pinned: Pinned, tmp_path: Path, learning_rate: float
) -> None:
    best = best_with(learning_rate)
    path = tmp_path / "config.yaml"
    path.write_text(export_yaml("s", pinned, best), encoding="utf-8")
    loaded = load(str(path))
    assert loaded == winning_configuration("s", pinned, best)
    assert loaded.training.learning_rate == learning_rate


def test_the_export_says_where_it_comes_from(pinned: Pinned) -> None:
    config = winning_configuration("s", pinned, best_with(3e-5))
    assert config.provenance is not None
    assert config.provenance["study"] == "s"
    assert config.provenance["trial"] == 4
    assert config.provenance["value"] == 0.4321
    assert config.provenance["epoch"] == 3.0
    assert config.provenance["data_fingerprint"] == "f" * 64
    assert "optuna" in config.provenance["versions"]


def test_threads_are_kept_for_a_cpu_and_left_open_for_a_gpu(pinned: Pinned) -> None:
    on_cpu = winning_configuration("s", pinned, best_with(3e-5))
    on_gpu = winning_configuration("s", pinned, best_with(3e-5, device="NVIDIA H200"))
    assert on_cpu.general.cpu_threads == 3
    assert on_gpu.general.cpu_threads is None


@pytest.mark.parametrize(
    ("device", "kept", "exported"),
    [
        ("cpu", [[1, 16], [57, 4]], {1: 16, 57: 4}),
        ("cpu", [[1, 16]], None),  # whole batches
        ("NVIDIA H200", [[1, 4]], None),
        ("cpu", [[0, 4], [1, -4], ["1", 4], 4, [1]], None),  # another program's
        ("cpu", {"1": 4}, None),
    ],
)
def test_pieces_of_batches_are_kept_for_a_cpu_where_memory_ran_out(
    pinned: Pinned, device: str, kept: object, exported: dict[int, int] | None
) -> None:
    best = best_with(3e-5, device=device)
    best = replace(best, machine={**best.machine, "micro_batches": kept})
    assert winning_configuration("s", pinned, best).training.micro_batches == exported
    assert export_yaml("s", pinned, best)


def test_precision_is_kept_for_a_cpu_and_left_to_a_gpu(pinned: Pinned) -> None:
    on_cpu = winning_configuration("s", pinned, best_with(3e-5))
    on_gpu = winning_configuration("s", pinned, best_with(3e-5, device="NVIDIA H200"))
    assert on_cpu.training.precision == "fp32"
    assert on_gpu.training.precision == "auto"


def test_a_study_without_a_completed_trial_has_no_winner(
    database: Database, pinned: Pinned
) -> None:
    with pytest.raises(HpoError, match="no completed trial yet"):
        find_best(database, "s")


def test_the_winner_is_read_with_all_it_ran_on(database: Database, pinned: Pinned) -> None:
    study = optuna.load_study(study_name="s", storage=database.storage)
    study.add_trial(
        create_trial(
            value=0.4,
            params={LR: 2e-5},
            distributions={LR: FloatDistribution(1e-5, 5e-4, log=True)},
            user_attrs={
                BEST_EPOCH: 7.0,
                MACHINE: {"device": "cpu", "cpu_threads": 2},
                CHECKPOINT: "outputs/s/trial_00000/evaluation-7",
            },
        )
    )
    _, best = find_best(database, "s")
    assert best == Best(
        number=0,
        value=0.4,
        epoch=7.0,
        params={LR: 2e-5},
        machine={"device": "cpu", "cpu_threads": 2},
        checkpoint="outputs/s/trial_00000/evaluation-7",
    )


@pytest.mark.parametrize("hostile", ["/etc", "../../up", "~/.ssh", "a\nb"])
def test_a_folder_elsewhere_that_the_database_names_is_not_exported(
    pinned: Pinned, hostile: str
) -> None:
    general = pinned.config.general.model_copy(update={"output_dir": hostile})
    config = pinned.config.model_copy(update={"general": general})
    exported = winning_configuration("s", replace(pinned, config=config), best_with(3e-5))
    assert exported.general.output_dir == "./outputs"
