"""Real `hpo` processes on a search that takes seconds: a part of the sample data, a tiny BART."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, suppress
from dataclasses import dataclass, field
from pathlib import Path

import optuna
import pytest
from click.testing import CliRunner
from optuna.trial import FrozenTrial

from config.sample import locate
from hpo.cli import main
from storage.connect import connect
from storage.url import StorageURL

TRAIN_ROWS, DEV_ROWS = 32, 8
START_TIMEOUT_S = 300
RUN_TIMEOUT_S = 600

SEARCH = """
preset: demo
general: {{data_path: {data}, output_dir: ./outputs}}
model:
  architecture:
    d_model: 16
    encoder_layers: 1
    decoder_layers: 1
    encoder_attention_heads: 2
    decoder_attention_heads: 2
    encoder_ffn_dim: 32
    decoder_ffn_dim: 32
    max_position_embeddings: 260
training: {{num_train_epochs: 3, per_device_train_batch_size: 8, early_stopping_patience: null}}
generation: {{max_new_tokens: 8}}
metric: {{tokenizer: whitespace}}
optuna:
  n_trials: 6
  sampler: {{name: random}}
  pruner: {{name: median, n_startup_trials: 2, n_warmup_steps: 1}}
  search_space:
    training.learning_rate: {{low: 1.0e-4, high: 3.0e-2, log: true}}
    training.warmup_ratio: {{low: 0.0, high: 0.3}}
"""


@dataclass
class Machine:
    """A folder in which `hpo` commands are run, as a user would from a shell."""

    folder: Path
    storage: str
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start a command and leave it running."""
        process = subprocess.Popen(
            [sys.executable, "-m", "hpo", *words],
            cwd=self.folder,
            env=os.environ | {"HPO_STORAGE": self.storage, "OMP_NUM_THREADS": "1"} | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A group of its own, as a shell gives it: a worker is two processes.
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, *words: str, status: int = 0, **environ: str) -> str:
        """Run a command to its end and give what it printed; it must exit with `status`."""
        process = self.start(*words, **environ)
        return self.finish(process, status=status)

    def call(self, *words: str, status: int = 0) -> str:
        """The same within this process, where a process of its own would show nothing more."""
        with chdir(self.folder):
            ended = CliRunner().invoke(main, words, env={"HPO_STORAGE": self.storage})
        assert ended.exit_code == status, ended.output
        return ended.output

    def trials(self) -> list[FrozenTrial]:
        """The trials of the study `s` as the database has them now; none before it exists."""
        with connect(StorageURL.parse(self.storage)) as database:
            if "s" not in optuna.get_all_study_names(database.storage):
                return []
            known = optuna.load_study(study_name="s", storage=database.storage).get_trials()
            return [database.storage.get_trial(trial._trial_id) for trial in known]

    def reports(self) -> int:
        """How many evaluations trial 0 has reported."""
        trials = self.trials()
        return len(trials[0].intermediate_values) if trials else 0

    def finish(self, process: subprocess.Popen[str], *, status: int = 0) -> str:
        """Wait for a command to end and give what it printed."""
        printed, _ = process.communicate(timeout=RUN_TIMEOUT_S)
        assert process.returncode == status, printed
        return printed


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait until a condition holds."""

    def wait(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + START_TIMEOUT_S
        while not condition():
            assert time.monotonic() < end, "waited too long"
            time.sleep(0.1)

    return wait


@pytest.fixture(scope="session")
def few_dialogues(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first rows of the sample data."""
    folder = tmp_path_factory.mktemp("dialogues")
    for name, rows in (("train.csv", TRAIN_ROWS), ("dev.csv", DEV_ROWS), ("test.csv", DEV_ROWS)):
        source = locate("sample:dialogues") / name
        with source.open(encoding="utf-8", newline="") as file:
            kept = [row for _, row in zip(range(rows + 1), csv.reader(file), strict=False)]
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(kept)
    return folder


def make_machine(folder: Path, few_dialogues: Path, storage: str) -> Iterator[Machine]:
    (folder / "search.yaml").write_text(SEARCH.format(data=few_dialogues), encoding="utf-8")
    machine = Machine(folder, storage)
    yield machine
    for process in machine.started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def machine(tmp_path: Path, few_dialogues: Path, database_url: str) -> Iterator[Machine]:
    """A folder with search.yaml and an empty database, SQLite and PostgreSQL in turn."""
    yield from make_machine(tmp_path, few_dialogues, database_url)


@pytest.fixture
def postgres_machine(tmp_path: Path, few_dialogues: Path, postgres_url: str) -> Iterator[Machine]:
    """The same on PostgreSQL alone, for what does not depend on the database."""
    yield from make_machine(tmp_path, few_dialogues, postgres_url)


@pytest.fixture
def sqlite_machine(tmp_path: Path, few_dialogues: Path) -> Iterator[Machine]:
    """The same on SQLite alone."""
    yield from make_machine(tmp_path, few_dialogues, f"sqlite:///{tmp_path / 'hpo.db'}")
