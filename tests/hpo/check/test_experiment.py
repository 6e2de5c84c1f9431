"""`hpo check`: every line comes whatever fails, says what mends it, and nothing is written."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import psycopg
import pytest
from click.testing import CliRunner, Result
from optuna.trial import TrialState
from small_training import small_config, write_dialogues
from trained_trial import trained_trial

from config.load import dump
from hpo import study as studies
from hpo.check import experiment
from hpo.check.finding import Check
from hpo.check.running import findings_of
from hpo.cli import main
from hpo.own_trials import STUDY
from storage.connect import connect
from storage.url import StorageURL

NAMES = [
    "storage",
    "configuration",
    "versions",
    "data",
    "model",
    "lengths",
    "device",
    "memory",
    "disk",
    "wandb",
    "time",
]
NOWHERE = "postgresql://hpo:s3cretpassword@127.0.0.1:9/hpo"
Found = dict[str, dict[str, str]]


@pytest.fixture
def hpo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command in an empty folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return lambda *words: CliRunner().invoke(main, words, prog_name="hpo")


@pytest.fixture
def found(hpo: Callable[..., Result]) -> Callable[..., Found]:
    """What a check finds, by line; all lines come, and the exit status is theirs."""

    def run(*words: str) -> Found:
        result = hpo("check", "--json", *words)
        told = json.loads(result.stdout)
        failed = any(each["level"] == "failure" for each in told["findings"])
        assert (told["ok"], result.exit_code) == (not failed, int(failed)), result.output
        assert [each["name"] for each in told["findings"]] == NAMES
        return {each["name"]: each for each in told["findings"]}

    return run


def failures(found: Found) -> list[str]:
    return [name for name, each in found.items() if each["level"] == "failure"]


def test_the_demo_passes_and_leaves_nothing_behind(hpo, tmp_path: Path) -> None:
    result = hpo("check", "--config", "demo")
    assert result.exit_code == 0, result.output
    *lines, last = result.output.splitlines()
    assert [line.split()[1] for line in lines] == NAMES
    assert "failure" not in last
    assert "12 trials over 4 parameters" in result.output
    assert list((tmp_path / "here").iterdir()) == []


def test_a_server_that_answers_is_told_with_its_latency(found, postgres_url: str) -> None:
    told = found("--config", "demo", "--storage", postgres_url)["storage"]
    assert told["level"] == "ok"
    assert " ms (PostgreSQL " in told["text"]
    assert "no study yet" in told["text"]
    with psycopg.connect(postgres_url) as connection:
        tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        assert connection.execute(tables).fetchone() == (0,)


def test_a_dead_server_costs_its_own_line_only(found) -> None:
    told = found("--config", "demo", "--storage", NOWHERE)
    assert failures(told) == ["storage"]
    assert "127.0.0.1" in told["storage"]["text"]
    assert "s3cret" not in json.dumps(told)


def test_a_study_in_a_dead_database_is_not_guessed(found) -> None:
    told = found("--study", "mine", "--storage", NOWHERE)
    assert failures(told) == ["storage", "configuration"]
    assert "give --config" in told["configuration"]["mend"]
    assert told["data"]["text"] == "not looked at: see the line configuration"


def test_a_server_that_takes_no_writes_is_a_failure(found, postgres_url: str) -> None:
    name = StorageURL.parse(postgres_url).database
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    told = found("--config", "demo", "--storage", postgres_url)
    assert failures(told) == ["storage"]
    assert "takes no writes" in told["storage"]["text"]


def test_a_user_who_may_only_read_is_a_failure(found, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE looker LOGIN")
    url = postgres_url.replace("postgres@", "looker@")
    try:
        told = found("--config", "demo", "--storage", url)
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP ROLE looker")
    assert failures(told) == ["storage"]
    assert "may only read" in told["storage"]["text"]
    assert "GRANT USAGE, CREATE ON SCHEMA public" in told["storage"]["mend"]


@pytest.mark.parametrize(
    "url", ["mysql://u:s3cret@h/d", "hpo.db", "sqlite:///no/such/folder/hpo.db", "sqlite:////etc"]
)
def test_a_storage_that_cannot_be_is_a_failure(found, url: str) -> None:
    told = found("--config", "demo", "--storage", url)
    assert failures(told) == ["storage"]
    assert "s3cret" not in json.dumps(told)


@pytest.fixture
def study(hpo, request, tmp_path: Path, monkeypatch) -> dict[str, Any]:
    """A study `s` with two finished trials and another's, in the storage that commands use."""
    if getattr(request, "param", "postgresql") == "sqlite":
        database_url = f"sqlite:///{tmp_path}/hpo.db"
    else:
        database_url = request.getfixturevalue("postgres_url")
    monkeypatch.setenv("HPO_STORAGE", database_url)
    data = write_dialogues(tmp_path / "data")
    words = ("-c", "demo", "-o", "optuna.n_trials=4", "--data", str(data))
    made = hpo("create", "-s", "s", *words)
    assert made.exit_code == 0, made.output
    with connect(StorageURL.parse(database_url)) as database:
        study_id = database.storage.get_study_id_from_name("s")
        brought = {STUDY: "another's key"}
        for state, value, user_attrs in (
            (TrialState.COMPLETE, 0.5, {}),
            (TrialState.PRUNED, None, {}),
            (TrialState.PRUNED, None, brought),
        ):
            trial = trained_trial(state=state, value=value, user_attrs=user_attrs)
            database.storage.create_new_trial(study_id, template_trial=trial)
    return {"url": database_url, "data": data}


def rows_in(url: str) -> dict[str, list[Any]]:
    import sqlalchemy as sa

    engine = sa.create_engine(StorageURL.parse(url).sqlalchemy)
    with engine.connect() as connection:
        tables = sa.inspect(connection).get_table_names()
        everything = {
            name: sorted(map(str, connection.exec_driver_sql(f'SELECT * FROM "{name}"').all()))
            for name in tables
        }
    engine.dispose()
    return everything


@pytest.mark.parametrize("study", ["sqlite", "postgresql"], indirect=True)
def test_a_study_is_checked_as_it_is_pinned_and_not_touched(found, study) -> None:
    before = rows_in(study["url"])
    told = found()  # the only study there is
    assert failures(told) == []
    assert told["storage"]["text"].endswith("1 study)")
    assert told["configuration"]["text"].startswith("study s: 4 trials")
    assert told["versions"]["text"].endswith("as study s is pinned")
    assert "train 8, dev 4, test 3" in told["data"]["text"]
    assert "by the mean of the study's 2 finished trials (1 of them pruned" in told["time"]["text"]
    assert rows_in(study["url"]) == before


def test_other_data_than_the_studys_are_a_failure(found, study, tmp_path: Path) -> None:
    other = write_dialogues(tmp_path / "other", last_first=True)
    told = found("--study", "s", "--data", str(other))
    assert failures(told) == ["data"]
    assert "study s is pinned with" in told["data"]["text"]


def test_a_setting_that_no_trial_will_have_is_a_warning(found) -> None:
    line = found("-c", "demo", "-o", "training.learning_rate=1e-3")["configuration"]
    assert line["level"] == "warning"
    assert "-o training.learning_rate=1e-3 is in no trial" in line["text"]
    assert line["mend"].endswith("add -o optuna.search_space.training.learning_rate=null")


def test_another_configuration_than_the_studys_is_a_failure(found, study) -> None:
    words = ("-s", "s", "-c", "demo", "-o", "training.weight_decay=0.5", "--data")
    told = found(*words, str(study["data"]))
    assert failures(told) == ["configuration"]
    assert "training.weight_decay: pinned 0.01, given 0.5" in told["configuration"]["text"]
    more = ("-s", "s", "-o", "training.weight_decay=0.5")
    assert failures(found(*more)) == ["configuration"]


def test_which_of_several_studies_has_to_be_said(found, hpo, study) -> None:
    assert hpo("create", "-s", "t", "-c", "demo").exit_code == 0
    told = found()
    assert failures(told) == ["configuration"]
    assert "--study: s, t" in told["configuration"]["text"] + told["configuration"]["mend"]
    assert failures(found("--study", "t")) == []


def test_a_study_that_there_is_not_is_checked_as_a_worker_would_make_it(found, study) -> None:
    assert "study 'demo' is not there yet" in found("--study", "demo")["configuration"]["text"]
    told = found("--study", "nothing")
    assert failures(told) == ["configuration"]
    assert "hpo create" in told["configuration"]["mend"]


def test_a_study_that_optuna_made_is_a_failure_of_its_line(found, study) -> None:
    with connect(StorageURL.parse(study["url"])) as database:
        optuna.create_study(storage=database.storage, study_name="theirs")
    told = found("--study", "theirs")
    assert failures(told) == ["configuration"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("-c", "none.yaml"), "configuration"),
        (("-c", "demo", "-o", "training.learning_rat=1"), "configuration"),
        (("-c", "demo", "-o", "optuna.sampler=grid"), "configuration"),
        (("-c", "demo", "--data", "none"), "data"),
        (("-c", "demo", "-o", "model.name=./none"), "model"),
        (("-c", "demo", "-o", "model.init=pretrained", "-o", "model.architecture={}"), "model"),
    ],
)
def test_what_is_wrong_fails_in_one_line_and_the_others_name_it(found, words, line) -> None:
    told = found(*words)
    assert failures(told) == [line]
    assert told[line]["mend"] or told[line]["text"]
    others = [each["text"] for each in told.values() if each["text"].startswith("not looked at")]
    assert set(others) <= {f"not looked at: see the line {line}"}


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("t1,", "is empty"),
        ("t1", "1 cells"),
        ("t0,말,요약", "t0"),
    ],
)
def test_bad_data_are_named_with_file_and_row(found, tmp_path: Path, row: str, says: str) -> None:
    data = write_dialogues(tmp_path / "data")
    lines = f"fname,dialogue,summary\nt0,말,요약\n{row}{',' * (2 - row.count(','))}\n"
    if row == "t1":
        lines = "fname,dialogue,summary\nt0,말,요약\nt1\n"
    (data / "dev.csv").write_text(lines, encoding="utf-8")
    told = found("-c", "demo", "--data", str(data))
    assert failures(told) == ["data"]
    assert "dev.csv" in told["data"]["text"]
    assert says in told["data"]["text"]


def test_a_check_that_breaks_is_a_line_and_no_traceback(hpo, monkeypatch) -> None:
    def broken(_: object) -> None:
        raise RuntimeError(f"no {os.environ['PGPASSWORD']} in\n{os.environ['WANDB_API_KEY']}")

    monkeypatch.setenv("PGPASSWORD", "mark3d-password")
    monkeypatch.setenv("WANDB_API_KEY", "mark3d" * 8)
    looks = [(name, broken if name == "disk" else look) for name, look in experiment.LOOKS]
    monkeypatch.setattr(experiment, "LOOKS", tuple(looks))
    result = hpo("check", "-c", "demo")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == len(NAMES) + 1
    assert "disk           could not be looked at: RuntimeError: no *** in" in result.output
    assert "mark3d" not in result.output
    assert "Traceback" not in result.output


def test_no_name_of_a_study_steers_the_terminal(hpo, tmp_path: Path) -> None:
    result = hpo("check", "-c", "demo", "--data", "x\x1b[2J\u202e")
    assert result.exit_code == 1
    assert "\x1b[2J" not in result.output
    assert "\u202e" not in result.output


def test_an_interrupt_is_no_finding() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(findings_of([Check("x", interrupted)]))


@pytest.mark.parametrize("words", [("--model", "m"), ("--submission", ".")])
def test_options_that_do_not_go_together_exit_2(hpo, words) -> None:
    assert hpo("check", *words).exit_code == 2


def test_a_pinned_folder_outside_this_one_is_for_the_operator_to_name(
    found, study, tmp_path: Path
) -> None:
    with connect(StorageURL.parse(study["url"])) as database:
        pinned = studies.read(database, "s")
        study_id = database.storage.get_study_id_from_name("s")
        local = {**pinned.local, "output_dir": str(tmp_path / "elsewhere")}
        database.storage.set_study_user_attr(study_id, "hpo:local", local)
    told = found("--study", "s")
    assert failures(told) == ["disk"]
    assert "--output" in told["disk"]["text"] + told["disk"]["mend"]
    assert failures(found("--study", "s", "--output", str(tmp_path / "elsewhere"))) == []


def test_trying_measures_memory_and_time_in_a_process_of_its_own(
    found, hpo, tmp_path: Path
) -> None:
    write_dialogues(tmp_path / "data")
    settings = dump(small_config(tmp_path / "data", tmp_path / "outputs"))
    (tmp_path / "small.yaml").write_text(settings, encoding="utf-8")
    told = found("-c", str(tmp_path / "small.yaml"), "--try")
    assert failures(told) == []
    assert "GiB (measured: two steps and an evaluation" in told["memory"]["text"]
    assert told["memory"]["level"] == "ok"
    assert "for 12 trials of 7 epochs with one worker" in told["time"]["text"]
    assert "told from 4 of 4 dev dialogues" in told["time"]["text"]
    assert list((tmp_path / "here").iterdir()) == []
    assert not (tmp_path / "outputs").exists()
