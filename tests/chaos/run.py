"""One disturbed search from its creation to its table."""

import csv
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

import psycopg

from chaos import undisturbed
from chaos.crew import Crew, Life, pause, resume, strike
from chaos.databases import FINISHED, Disturbed, disturbed
from chaos.schedule import Fault, Plan
from chaos.silent_server import silent_server
from chaos.verdict import Row, rows_of, strays
from config.sample import locate
from storage.connect import connect
from storage.url import StorageURL

STUDY = "chaos"
LONGEST_S = 3600
LOOK_EVERY_S = 0.2
OWN = ("HPO_", "WANDB_", "PG")

SEARCH = """
preset: demo
general: {{data_path: {data}, output_dir: ./outputs}}
model:
  architecture: {{d_model: 32, encoder_layers: 1, decoder_layers: 1, encoder_attention_heads: 2,
    decoder_attention_heads: 2, encoder_ffn_dim: 64, decoder_ffn_dim: 64,
    max_position_embeddings: 260}}
training: {{num_train_epochs: 8, per_device_train_batch_size: 8}}
generation: {{max_new_tokens: 12}}
metric: {{tokenizer: character}}
optuna:
  n_trials: {trials}
  max_attempts: {attempts}
  sampler: {{name: tpe, n_startup_trials: 8}}
  pruner: {{name: median+hyperband, n_startup_trials: 4, n_warmup_steps: 3, min_resource: 2,
    reduction_factor: 3}}
  search_space:
    training.learning_rate: {{low: 1.0e-4, high: 3.0e-2, log: true}}
    training.per_device_train_batch_size: {{choices: [4, 8]}}
    training.warmup_ratio: {{low: 0.0, high: 0.3}}
wandb: {{mode: online}}
"""
TRAIN_ROWS, DEV_ROWS = 64, 12


@dataclass(frozen=True)
class Result:
    """The table, and a line for each thing that is not as promised."""

    rows: list[Row]
    details: list[str]

    @property
    def failed(self) -> bool:
        """Whether a promise was broken."""
        return any(row.fails for row in self.rows)


def run(
    plan: Plan, kind: str, *, workers: int, folder: Path, say: Callable[[str], object]
) -> Result:
    """Run the search of `plan` on a database of `kind`, with so many workers."""
    _write_search(plan, folder)
    with disturbed(kind, folder / "database") as database, silent_server() as wandb:
        environ = _environ(database, wandb, plan)
        _hpo(("create", "--study", STUDY, "--config", "search.yaml"), folder, environ)
        database.keep_diary()
        crew = Crew(folder, environ, ("worker", "--study", STUDY, "--threads", "1"))
        try:
            crew.start(workers)
            struck = _disturb(crew, database, plan, say)
            lives = crew.all_lives()
            return _judge(plan, struck, database, lives, folder)
        finally:
            crew.end()


def _disturb(
    crew: Crew, database: Disturbed, plan: Plan, say: Callable[[str], object]
) -> Counter[str]:
    """Strike as scheduled until every worker has ended; give how often each fault struck."""
    faults, draw = plan.faults(), Random(plan.seed)
    struck: Counter[str] = Counter()
    began = time.monotonic()
    while crew.present() or any(life.alive for life in crew.all_lives()):
        if time.monotonic() - began > LONGEST_S:
            say(f"not ended after {LONGEST_S} s: given up")
            break
        crew.refill()
        if faults and _finished(database) >= faults[0].after:
            fault = faults[0]
            if _strike(fault, crew, database, draw):
                say(f"{time.monotonic() - began:6.1f} s  {fault.kind}")
                struck[fault.kind] += 1
                del faults[0]
        time.sleep(LOOK_EVERY_S)
    return struck


def _strike(fault: Fault, crew: Crew, database: Disturbed, draw: Random) -> bool:
    """Let one fault happen; False when there is no worker within a trial to disturb now."""
    if fault.kind == "database":
        database.fail_for(fault.seconds)
        return True
    busy = [life for life in crew.present() if life.training()]
    if not busy:
        return False
    life = draw.choice(busy)
    if fault.kind != "pause":
        return strike(life, fault.kind)
    stopped = pause(life)
    threading.Timer(fault.seconds, resume, (stopped,)).start()
    return bool(stopped)


def _finished(database: Disturbed) -> int:
    with suppress(psycopg.OperationalError):  # it may be starting up
        return int(database.rows(f"SELECT count(*) FROM trials WHERE {FINISHED}")[0][0])
    return -1


def _judge(
    plan: Plan, struck: Counter[str], database: Disturbed, lives: list[Life], folder: Path
) -> Result:
    with connect(StorageURL.parse(database.url)) as opened:
        trials = undisturbed.trials_of(opened, STUDY)
        differing = undisturbed.differing(opened, STUDY, trials, folder)
    rows = rows_of(plan, struck, database=database, trials=trials, lives=lives, differing=differing)
    return Result(rows, [*differing, *strays(lives)])


def _write_search(plan: Plan, folder: Path) -> None:
    data = folder / "dialogues"
    data.mkdir()
    (folder / "database").mkdir()
    for name, rows in (("train.csv", TRAIN_ROWS), ("dev.csv", DEV_ROWS)):
        with (locate("sample:dialogues") / name).open(encoding="utf-8", newline="") as file:
            kept = list(islice(csv.reader(file), rows + 1))
        with (data / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(kept)
    # A kill by the schedule is not the trial's own doing.
    search = SEARCH.format(data=data, trials=plan.trials, attempts=plan.kills + plan.pauses + 1)
    (folder / "search.yaml").write_text(search, encoding="utf-8")


def _environ(database: Disturbed, wandb: str, plan: Plan) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    return own | {
        "HPO_STORAGE": database.url,
        "HPO_LEASE_S": str(plan.lease_s),
        "WANDB_BASE_URL": wandb,
        "WANDB_API_KEY": "0123456789" * 4,
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _hpo(words: tuple[str, ...], folder: Path, environ: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-m", "hpo", *words], cwd=folder, env=environ, check=True)
