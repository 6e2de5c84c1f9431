"""`hpo baseline`: a score on the dev set, in a file and with the study; cut off, it goes on."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
from chat_server import ChatServer, Fault, chat_server, wait_for
from click.testing import CliRunner, Result
from filelock import FileLock
from small_training import small_config, write_dialogues

from config.load import dump
from hpo import study as studies
from hpo.baseline.prompt import INSTRUCTION, draw_examples, messages, summary_of
from hpo.baseline.result import baselines
from hpo.cli import main
from storage.connect import Database
from storage.url import StorageURL
from trainer.data import fingerprint, locate_data, read_examples
from trainer.rouge import RougeScorer

SECRET = "sk-very-secret-0123456789"
DEV = 4
Run = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with data and a configuration, which is the current one."""
    data = write_dialogues(tmp_path / "data")
    config = small_config(data, tmp_path / "outputs")
    (tmp_path / "config.yaml").write_text(dump(config), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPO_BASELINE_KEY", SECRET)
    return tmp_path


@pytest.fixture
def hpo(folder: Path, server: ChatServer) -> Run:
    def run(*words: str) -> Result:
        given = ["baseline", "--endpoint", server.url, "--model", "solar/mini", *words]
        return CliRunner().invoke(main, given)

    return run


@pytest.fixture
def study(
    folder: Path, database: Database, url: StorageURL, monkeypatch: pytest.MonkeyPatch
) -> optuna.Study:
    config = small_config(folder / "data", Path("outputs"))
    data = fingerprint(locate_data(str(folder / "data")))
    studies.create(database, "s", config, data_fingerprint=data)
    monkeypatch.setenv("HPO_STORAGE", f"sqlite:///{url.database}")
    return optuna.load_study(study_name="s", storage=database.storage)


def test_every_dev_dialogue_is_asked_with_the_same_examples_and_scored(
    hpo: Run, server: ChatServer, folder: Path
) -> None:
    told = hpo("--config", "config.yaml", "--examples", "2", "--prices", "0.25", "2")
    assert told.exit_code == 0, told.output
    assert len(server.asked) == DEV
    chats = [body["messages"] for body in server.asked]
    assert chats[0][0] == {"role": "system", "content": INSTRUCTION}
    assert [turn["role"] for turn in chats[0]] == ["system", *["user", "assistant"] * 2, "user"]
    assert len({json.dumps(chat[:-1]) for chat in chats}) == 1
    assert {body["temperature"] for body in server.asked} == {0}
    result = json.loads((folder / "outputs/baseline/solar_mini.json").read_text())
    dev = read_examples(folder / "data/dev.csv", need_summary=True)
    expected = RougeScorer("character").score(
        [result["summaries"][each.fname] for each in dev], [each.summaries for each in dev]
    )
    assert result["value"] == expected.rouge_combined_f1 > 0
    assert (result["prompt_tokens"], result["completion_tokens"]) == (400, 28)
    assert result["cost"] == pytest.approx((400 * 0.25 + 28 * 2) / 1e6)
    assert f"solar/mini: rouge_combined_f1 {result['value']:.4f} on 4 dev dialogues" in told.output
    again = hpo("--config", "config.yaml", "--examples", "2")
    assert "4 questions, 4 answered before, 0 to ask" in again.output
    assert len(server.asked) == DEV


def test_a_dialogue_that_is_there_twice_is_asked_and_paid_once(
    hpo: Run, server: ChatServer, folder: Path
) -> None:
    file = folder / "data/dev.csv"
    header, *rows = list(csv.reader(file.open(encoding="utf-8", newline="")))
    with file.open("w", encoding="utf-8", newline="") as written:
        csv.writer(written).writerows([header, *rows, ["again", *rows[0][1:]]])
    told = hpo("--config", "config.yaml", "--examples", "0", "--prices", "0.01", "0.03")
    assert told.exit_code == 0, told.output
    assert len(server.asked) == DEV
    assert "on 5 dev dialogues" in told.output
    assert "400 prompt and 28 answer tokens, cost 4.84e-06" in told.output


def test_the_study_keeps_it_and_other_answers_take_its_place(
    hpo: Run, server: ChatServer, study: optuna.Study, folder: Path
) -> None:
    told = hpo("--study", "s")
    assert told.exit_code == 0, told.output
    assert "kept with study s" in told.output
    assert hpo("--study", "s", "--examples", "0").exit_code == 0
    (kept,) = baselines(study)
    assert (kept.model, kept.examples, kept.dialogues) == ("solar/mini", 0, DEV)
    assert kept.endpoint == f"{server.url}/chat/completions"
    study.set_user_attr("hpo:baseline:other", {"words": "of another program"})
    study.set_user_attr("hpo:baseline:third", "nonsense")
    assert baselines(study) == [kept]


def test_other_data_than_the_studys_is_refused(
    hpo: Run, study: optuna.Study, server: ChatServer, folder: Path
) -> None:
    write_dialogues(folder / "others", last_first=True)
    told = hpo("--study", "s", "--data", "others")
    assert told.exit_code == 1
    assert "the study was made with data" in told.output
    assert server.asked == []


def test_the_key_is_nowhere_but_in_the_question(
    hpo: Run, server: ChatServer, study: optuna.Study, folder: Path
) -> None:
    server.faults.append(Fault(500, words=f"you said {SECRET}"))
    told = hpo("--study", "s")
    assert told.exit_code == 0, told.output
    server.faults.append(Fault(401, words=f"you said {SECRET}"))
    refused = hpo("--study", "s", "--examples", "1")
    assert refused.exit_code == 1
    assert "refuses (status 401): you said ***" in refused.output
    assert "answers so far are kept" in refused.output
    assert len(refused.output.strip().splitlines()) == 2
    assert all(headers["Authorization"] == f"Bearer {SECRET}" for headers in server.headers)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert all(SECRET.encode() not in path.read_bytes() for path in files)
    assert SECRET not in told.output + refused.output


def test_what_is_interrupted_goes_on_and_asks_nothing_twice(
    server: ChatServer, folder: Path
) -> None:
    command = [sys.executable, "-m", "hpo", "baseline", "--endpoint", server.url]
    command += ["--model", "m", "--config", "config.yaml", "--concurrency", "1", "--timeout", "2"]
    server.hang_after = 2
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    )
    wait_for(lambda: len(server.asked) == 3)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 130, output
    assert "stopped as asked; answers are in outputs/baseline" in output
    assert "Traceback" not in output
    server.hang_after = None
    told = CliRunner().invoke(main, command[3:])
    assert told.exit_code == 0, told.output
    assert "4 questions, 2 answered before, 2 to ask" in told.output
    assert len(server.asked) == 5


def test_two_runs_in_one_folder_are_not_let_in(hpo: Run, server: ChatServer, folder: Path) -> None:
    (folder / "outputs/baseline/answers").mkdir(parents=True)
    with FileLock(folder / "outputs/baseline/answers/.lock"):
        told = hpo("--config", "config.yaml")
    assert told.exit_code == 1
    assert "another hpo baseline is at work in outputs/baseline" in told.output
    assert server.asked == []


def test_parameters_go_into_the_question_or_out_of_it(hpo: Run, server: ChatServer) -> None:
    words = [
        "-p",
        "max_tokens=null",
        "-p",
        "max_completion_tokens=99",
        "-p",
        "reasoning_effort=low",
    ]
    assert hpo("--config", "config.yaml", *words).exit_code == 0
    assert "max_tokens" not in server.asked[0]
    assert server.asked[0]["max_completion_tokens"] == 99
    assert server.asked[0]["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--study", "s", "--config", "config.yaml"], "give --study or --config"),
        (["-p", "max_tokens"], "give NAME=JSON"),
        (["-p", "stream=true"], "give NAME=JSON"),
        (["--examples", "-1"], "--examples"),
        (["--prices", "1"], "--prices"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_what_cannot_be_meant_is_refused(hpo: Run, words: list[str], says: str) -> None:
    told = hpo(*words)
    assert told.exit_code == 2
    assert says in told.output


def test_a_disk_that_takes_nothing_is_said(hpo: Run, folder: Path) -> None:
    shutil.rmtree(folder / "outputs", ignore_errors=True)
    (folder / "outputs").write_text("a file")
    told = hpo("--config", "config.yaml")
    assert told.exit_code == 1
    assert "cannot write in outputs/baseline/answers" in told.output


def test_thoughts_and_line_ends_are_no_part_of_a_summary() -> None:
    assert (
        summary_of("<think>\n음… 누가?\n</think>\n\n#Person1#은\n기쁘다. ") == "#Person1#은 기쁘다."
    )
    assert summary_of("<think> cut off") == ""
    assert summary_of("누가?\n</think>\n\n#Person1#은 기쁘다.") == "#Person1#은 기쁘다."


def test_examples_follow_from_the_seed(folder: Path) -> None:
    train = read_examples(folder / "data/train.csv", need_summary=True)
    assert draw_examples(train, 3, seed=1) == draw_examples(train, 3, seed=1)
    drawn = {tuple(each.fname for each in draw_examples(train, 3, seed=seed)) for seed in range(5)}
    assert len(drawn) > 1
    assert len(draw_examples(train, 99, seed=1)) == len(train)
    (turn,) = messages([], "#Person1#: 안녕\\n#Person2#: 네<br>그래요")[1:]
    assert turn["content"] == "대화:\n#Person1#: 안녕\n#Person2#: 네\n그래요\n\n요약:"
