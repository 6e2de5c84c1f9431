"""Optuna's own suite for storages, over ours."""

import shutil

import optuna
import psycopg
import pytest
from optuna.storages import RDBStorage
from optuna.testing.pytest_storages import StorageTestCase

from storage.connect import connect
from storage.optuna_storage import READS, SAME_WHEN_DONE_TWICE, RepeatingStorage
from storage.trial_storage import TrialStorage
from storage.url import StorageURL


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened(request, tmp_path_factory):
    """One database for the whole suite: a fresh one for each test would cost most of its time."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("suite") / "hpo.db"
        shutil.copy(request.getfixturevalue("ready_file"), path)
        url = f"sqlite:///{path}"
    else:
        template = request.getfixturevalue("ready_template")
        server = request.getfixturevalue("postgres_server")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE suite TEMPLATE {template}")
        url = server.replace("/postgres?", "/suite?")
    with connect(StorageURL.parse(url), create=False) as database:
        yield database


class TestOurStorage(StorageTestCase):
    @pytest.fixture
    def storage(self, opened):
        for study in optuna.get_all_study_summaries(opened.storage):
            opened.storage.delete_study(study._study_id)
        return opened.storage


def test_every_call_of_optunas_storage_that_uses_the_database_is_made_again():
    """If this fails, Optuna has a new call: say in optuna_storage.py what a repeat of it does."""
    ours = vars(RepeatingStorage).keys() | vars(TrialStorage).keys()
    own = {name for name in ours if name in vars(RDBStorage)}
    assert {*READS, *SAME_WHEN_DONE_TWICE} < own
    uses_none = {
        "__init__",
        "__module__",
        "__doc__",
        "__annotations__",
        "__firstlineno__",
        "__static_attributes__",
        "__abstractmethods__",
        "_abc_impl",
        "__getstate__",  # __reduce__ stands before these two
        "__setstate__",
        "remove_session",
        "get_heartbeat_interval",
        "get_heartbeat_stale_trial_callback",
        "_set_default_engine_kwargs_for_mysql",
        "_fill_storage_url_template",
        "_build_frozen_trial_from_trial_model",
    }
    of_others = {  # made of calls that are made again, or steps inside one
        "create_new_trial",
        "set_trial_param",
        "get_all_trials",
        "get_best_trial",
        "_create_unique_study_name",
        "_get_prepared_new_trial",
        "_set_trial_param_without_commit",
        "_set_trial_value_without_commit",
        "_set_trial_intermediate_value_without_commit",
        "_set_trial_attr_without_commit",
    }
    schema = {"upgrade", "get_current_version", "get_head_version", "get_all_versions"}
    assert set(vars(RDBStorage)) - own - uses_none - of_others - schema == set()
