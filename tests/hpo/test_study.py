"""Pinning: created once, refused when it differs, read back whole."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import optuna
import pytest

from config.errors import ConfigError
from config.load import from_mapping, to_mapping
from config.schema import Configuration
from hpo import study as studies
from hpo.errors import (
    BadStudyName,
    Difference,
    HpoError,
    NoSuchStudy,
    NotPinned,
    SearchRefused,
    StudyDiffers,
    WorkerRefused,
)
from hpo.pinned import check_worker
from hpo.suggest import suggest
from storage.connect import Database, connect
from storage.url import StorageURL

Configured = Callable[..., Configuration]

DATA = "0123456789abcdef" * 4
SHORT = {"min_resource": 1}  # for trials of few epochs
OTHER_DATA = "fedcba9876543210" * 4


def _create(database: Database, config: Configuration, name: str = "s", data: str = DATA) -> bool:
    return studies.create(database, name, config, data_fingerprint=data)


def _changed(config: Configuration, **sections: dict[str, object]) -> Configuration:
    mapping = to_mapping(config)
    for section, values in sections.items():
        inner = mapping[section]
        assert isinstance(inner, dict)
        mapping[section] = {**inner, **values}
    return from_mapping(mapping)


def test_what_is_pinned_is_read_back(database: Database, configured: Configured) -> None:
    config = _changed(configured(), general={"data_path": "./here", "seed": 7})
    assert _create(database, config)
    pinned = studies.read(database, "s")
    assert pinned.config == config
    assert pinned.local == {
        "data_path": "./here",
        "output_dir": "./outputs",
        "checkpoint_root": None,
        "cpu_threads": None,
    }
    assert pinned.format == 2
    assert pinned.data == DATA
    assert pinned.versions["optuna"] == optuna.__version__
    assert set(pinned.versions) == {"optuna", "torch", "transformers"}


def test_studies_have_folders_of_their_own_also_where_two_databases_have_one_name(
    database: Database, configured: Configured
) -> None:
    _create(database, configured())
    first = studies.read(database, "s").folder
    assert studies.read(database, "s").folder == first
    studies.delete(database, "s")
    _create(database, configured())
    assert studies.read(database, "s").folder != first


def test_a_study_that_was_made_before_keeps_the_folder_named_like_it(
    database: Database, configured: Configured
) -> None:
    _create(database, configured())
    made = optuna.load_study(study_name="s", storage=database.storage).user_attrs
    older = optuna.create_study(study_name="older", storage=database.storage, direction="maximize")
    for name in made.keys() - {studies.OWN_FOLDER}:
        older.set_user_attr(name, made[name])
    assert studies.read(database, "older").folder == "older"


def test_machine_local_values_are_not_in_the_pinned_configuration(
    database: Database, configured: Configured
) -> None:
    _create(database, configured())
    attributes = optuna.load_study(study_name="s", storage=database.storage).user_attrs
    assert not {"data_path", "output_dir", "cpu_threads"} & set(attributes["hpo:config"]["general"])


def test_data_named_file_by_file_is_pinned_too(database: Database, configured: Configured) -> None:
    files = {"train": "a.csv", "dev": "b.csv", "test": None}
    config = _changed(configured(), general={"data_path": files})
    _create(database, config)
    assert studies.read(database, "s").config == config


def test_study_maximizes_and_its_metric_has_a_name(
    database: Database, configured: Configured
) -> None:
    _create(database, configured())
    study = optuna.load_study(study_name="s", storage=database.storage)
    assert study.direction is optuna.study.StudyDirection.MAXIMIZE
    assert study.metric_names == ["rouge_combined_f1"]


def test_creating_again_with_the_same_configuration_changes_nothing(
    database: Database, configured: Configured
) -> None:
    assert _create(database, configured())
    before = optuna.load_study(study_name="s", storage=database.storage).user_attrs
    assert not _create(database, configured())
    assert optuna.load_study(study_name="s", storage=database.storage).user_attrs == before


def test_another_place_for_data_and_outputs_is_the_same_study(
    database: Database, configured: Configured
) -> None:
    _create(database, configured())
    moved = {"data_path": "/elsewhere", "output_dir": "/tmp/out", "cpu_threads": 2}
    assert not _create(database, _changed(configured(), general=moved))
    assert studies.read(database, "s").local["data_path"] == "./data/"


def test_where_a_file_was_exported_from_makes_no_difference(
    database: Database, configured: Configured
) -> None:
    _create(database, configured())
    exported = from_mapping({**to_mapping(configured()), "provenance": {"trial": 3}})
    assert not _create(database, exported)


def test_another_configuration_is_refused_with_the_difference(
    database: Database, configured: Configured
) -> None:
    _create(database, configured())
    other = _changed(configured(), training={"learning_rate": 1e-4}, optuna={"n_trials": 99})
    with pytest.raises(StudyDiffers) as refused:
        _create(database, other)
    message = str(refused.value)
    assert "training.learning_rate: pinned " in message
    assert "given 0.0001" in message
    assert "optuna.n_trials: pinned 20, given 99" in message
    assert "\n" not in message
    assert Difference("optuna.n_trials", 20, 99) in refused.value.differences
    assert len(refused.value.differences) == 2


def test_a_difference_in_the_search_space_names_its_entry(
    database: Database, configured: Configured
) -> None:
    _create(database, configured())
    space = {"training.learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}}
    with pytest.raises(StudyDiffers) as refused:
        _create(database, configured(space))
    fields = [difference.field for difference in refused.value.differences]
    assert "optuna.search_space.training.learning_rate.high" in fields
    assert "optuna.search_space.training.num_train_epochs" in fields


def test_many_differences_are_counted_and_not_all_printed(
    database: Database, configured: Configured
) -> None:
    _create(database, configured())
    other = _changed(
        configured(),
        training={"learning_rate": 1e-4, "weight_decay": 0.5, "warmup_ratio": 0.3},
        generation={"num_beams": 7, "length_penalty": 2.0},
        wandb={"project": "x", "notes": "y", "mode": "offline"},
    )
    with pytest.raises(StudyDiffers, match="and 2 more"):
        _create(database, other)


def test_creating_again_with_other_data_is_refused(
    database: Database, configured: Configured
) -> None:
    _create(database, configured())
    with pytest.raises(WorkerRefused, match="0123456789ab and the data here is fedcba987654;"):
        _create(database, configured(), data=OTHER_DATA)


def test_a_study_that_plain_optuna_made_is_refused(
    database: Database, configured: Configured
) -> None:
    optuna.create_study(study_name="s", storage=database.storage)
    with pytest.raises(NotPinned, match="Optuna made it without hpo"):
        _create(database, configured())
    with pytest.raises(NotPinned, match="choose another name"):
        studies.read(database, "s")
    assert studies.exists(database, "s")


def test_a_study_that_is_not_there_is_said_to_be_missing(database: Database) -> None:
    assert not studies.exists(database, "s")
    with pytest.raises(NoSuchStudy, match="hpo create --study s"):
        studies.read(database, "s")


def test_a_creation_that_was_cut_off_is_taken_up_again(
    database: Database, configured: Configured
) -> None:
    study = optuna.create_study(study_name="s", storage=database.storage, direction="maximize")
    study.set_user_attr("hpo:format", 2)
    with pytest.raises(NotPinned, match="cut off; run hpo create again"):
        studies.read(database, "s")
    assert _create(database, configured())
    assert studies.read(database, "s").config == configured()


def test_a_configuration_that_cannot_be_searched_makes_no_study(
    database: Database, configured: Configured
) -> None:
    unknown = {"training.learning_rat": {"low": 1e-5, "high": 1e-4}}
    for config in (
        configured(unknown),
        configured(sampler={"name": "grid"}),  # the learning rate has no step
        configured(pruner={"name": "hyperband", "min_resource": 50}),
        configured(pruner={"name": "successive_halving", "min_resource": 50}),
        configured({"training.weight_decay": {"choices": [0.0, 0.1]}}, sampler={"name": "cmaes"}),
    ):
        with pytest.raises((ConfigError, SearchRefused)):
            _create(database, config)
    assert database.storage.get_all_studies() == []


def _create_in_process(url: str, barrier: "multiprocessing.synchronize.Barrier") -> bool:
    config = from_mapping({})
    with connect(StorageURL.parse(url)) as database:
        barrier.wait(timeout=60)
        return studies.create(database, "한 번", config, data_fingerprint=DATA)


def test_processes_that_create_at_once_make_one_study(url: StorageURL) -> None:
    """Two spawned processes; one makes the study and the other finds it."""
    spawn = multiprocessing.get_context("spawn")
    with spawn.Manager() as manager, spawn.Pool(2) as pool:
        barrier = manager.Barrier(2)
        made = pool.starmap(_create_in_process, [(url.sqlalchemy, barrier)] * 2)
    assert sorted(made) == [False, True]
    with connect(url) as database:
        assert len(database.storage.get_all_studies()) == 1
        assert studies.read(database, "한 번").config == from_mapping({})


def test_workers_that_meet_on_postgresql_make_one_study(
    postgres_url: str, configured: Configured
) -> None:
    """Four connections create at once; then two workers search, and never alike."""
    parsed = StorageURL.parse(postgres_url)
    space = {"training.num_train_epochs": {"low": 1, "high": 4}}
    config = configured(space, sampler={"name": "tpe"}, pruner={"name": "median+hyperband"} | SHORT)

    def make(_: int) -> bool:
        with connect(parsed) as mine:
            return _create(mine, config, "대화 요약")

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(make, range(4))) == [False, False, False, True]
    with connect(parsed) as one, connect(parsed) as other:
        pair = [studies.open_study(each, "대화 요약", worker_seed=0) for each in (one, other)]
        drawn = [suggest(study.ask(), config.optuna.search_space) for study in pair * 2]
    assert sorted(params["training.num_train_epochs"] for params in drawn) == [1, 2, 3, 4]


def test_a_reader_waits_for_a_creator_that_has_not_finished(
    url: StorageURL, configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configuration is written last; who sees the study before that waits for the lock."""
    real = optuna.Study.set_metric_names

    def slow(study: optuna.Study, names: list[str]) -> None:
        reading.append(pool.submit(_read_config, url))
        with pytest.raises(TimeoutError):
            reading[0].result(timeout=0.5)
        real(study, names)

    reading: list = []
    monkeypatch.setattr(optuna.Study, "set_metric_names", slow)
    with ThreadPoolExecutor(1) as pool, connect(url) as database:
        _create(database, configured())
        assert reading[0].result(timeout=30) == configured()


def _read_config(url: StorageURL) -> Configuration:
    with connect(url) as database:
        return studies.read(database, "s").config


@pytest.mark.parametrize("name", ["demo", "한국어 대화", "a'b\"c", "../x", "x" * 512, "50%", "🙂"])
def test_any_printable_name_is_a_study_name(
    name: str, database: Database, configured: Configured
) -> None:
    assert _create(database, configured(), name)
    assert studies.read(database, name).data == DATA


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("x" * 513, "has 513 characters; use at most 512"),
        ("two\nlines", r"'two\\nlines' has characters that cannot be printed"),
        ("nul\0", "cannot be printed"),
        ("\ud800", "cannot be printed"),
    ],
)
def test_names_that_cannot_be_shown_or_stored_are_refused(
    name: str, reason: str, database: Database, configured: Configured
) -> None:
    with pytest.raises(BadStudyName, match=reason):
        _create(database, configured(), name)


def test_a_worker_with_the_same_data_and_versions_is_let_in(
    database: Database, configured: Configured
) -> None:
    _create(database, configured())
    check_worker(studies.read(database, "s"), data_fingerprint=DATA)


@pytest.mark.parametrize(
    ("change", "data", "reason"),
    [
        ({}, OTHER_DATA, "with data 0123456789ab and the data here is fedcba987654"),
        ({"format": 1}, DATA, "has format 1 and this hpo has format 2"),
        ({"versions": {"optuna": "4.3.0"}}, DATA, "made with optuna 4.3.0 and this worker has"),
        ({"versions": {}}, DATA, "made with optuna unknown"),
    ],
)
def test_a_worker_that_differs_is_refused_with_both_values(
    change: dict, data: str, reason: str, database: Database, configured: Configured
) -> None:
    _create(database, configured())
    pinned = replace(studies.read(database, "s"), **change)
    with pytest.raises(WorkerRefused, match=reason) as refused:
        check_worker(pinned, data_fingerprint=data)
    assert "\n" not in str(refused.value)


def test_a_minor_version_of_optuna_or_torch_makes_no_difference(
    database: Database, configured: Configured
) -> None:
    _create(database, configured())
    versions = {"optuna": "5.99.1", "torch": "2.10.0", "transformers": "5.17.0"}
    pinned = replace(studies.read(database, "s"), versions=versions)
    check_worker(pinned, data_fingerprint=DATA)


def test_a_study_of_another_format_is_refused_before_it_is_read(
    database: Database, configured: Configured
) -> None:
    _create(database, configured())
    study = optuna.load_study(study_name="s", storage=database.storage)
    study.set_user_attr("hpo:format", 1)
    study.set_user_attr("hpo:config", {"general": {}, "something": "new"})
    with pytest.raises(WorkerRefused, match="has format 1"):
        studies.read(database, "s")


def test_every_refusal_is_an_hpo_error() -> None:
    for kind in (BadStudyName, NoSuchStudy, NotPinned, StudyDiffers, WorkerRefused, SearchRefused):
        assert issubclass(kind, HpoError)


def test_an_opened_study_has_the_pinned_sampler_and_pruner(
    database: Database, configured: Configured
) -> None:
    _create(database, configured(sampler={"name": "random"}, pruner={"name": "none"}))
    study = studies.open_study(database, "s", worker_seed=0)
    assert isinstance(study.sampler.inner, optuna.samplers.RandomSampler)
    assert isinstance(study.pruner, optuna.pruners.NopPruner)
    assert study.study_name == "s"


def _first_draw(study: optuna.Study) -> float:
    return study.ask().suggest_float("training.learning_rate", 1e-5, 5e-4, log=True)


def test_draws_depend_on_the_worker_and_on_nothing_else(
    database: Database, configured: Configured
) -> None:
    for name in ("a", "b", "c"):
        _create(database, configured(), name)
    same = [_first_draw(studies.open_study(database, name, worker_seed=0)) for name in ("a", "b")]
    assert same[0] == same[1]
    assert _first_draw(studies.open_study(database, "c", worker_seed=1)) != same[0]


def test_a_worker_that_comes_back_does_not_repeat_its_draws(
    database: Database, configured: Configured
) -> None:
    _create(database, configured(sampler={"name": "random"}))
    drawn = []
    for _ in range(15):  # as many restarts, more than there are redraws
        study = studies.open_study(database, "s", worker_seed="host-0")
        drawn.append(_first_draw(study))
    assert len(set(drawn)) == 15


def test_each_study_has_a_key_of_its_own_for_life(
    database: Database, configured: Configured
) -> None:
    """A name may come again, in another database or after a deletion; the key may not."""
    for name in ("a", "b"):
        _create(database, configured(), name)
    first, other = (studies.read(database, name).key for name in ("a", "b"))
    assert first != other
    _create(database, configured(), "a")
    assert studies.read(database, "a").key == first
    studies.delete(database, "a")
    _create(database, configured(), "a")
    assert studies.read(database, "a").key not in (first, other)


def test_a_deleted_study_is_gone_and_others_stay(
    database: Database, configured: Configured
) -> None:
    for name in ("a", "b"):
        _create(database, configured(), name)
    studies.delete(database, "a")
    assert not studies.exists(database, "a")
    assert studies.exists(database, "b")
    with pytest.raises(NoSuchStudy, match="'a'"):
        studies.delete(database, "a")
