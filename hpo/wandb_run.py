"""One trial as one W&B run, written step by step.

Everything here may raise, block or be slow: `wandb_mirror` calls it from a thread of its own.
Of the host nothing is sent but what a trial's record needs: no code, no git state, no installed
packages, no machine metrics, no console output, no crash reports.
"""

import errno
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.schema import Configuration
from hpo.trial_info import SCORES, Ending, Point, TrialInfo, best_point, summary
from hpo.wandb_files import CUT_OFF, mark_sent, offline_files, wait_until_whole
from hpo.wandb_mode import Wire

# wandb reads these as it starts; without them its service sends its errors to W&B's makers, and
# it writes to the worker's terminal before a run's own settings can silence it.
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
os.environ.setdefault("WANDB_SILENT", "true")
# With it wandb 0.31 writes its settings into the run's logs, the API key with them.
os.environ.pop("WANDB_DEBUG", None)

from typing import Self

import wandb
from wandb.sdk import wandb_run as sdk_run
from wandb.sdk import wandb_setup
from wandb.sdk.lib import wb_logging

from hpo.wandb_cache import cache_beside

INIT_TIMEOUT_S = 30
FINISH_TIMEOUT_S = 30
RESTART_TIMEOUT_S = 5
FAILED = 1

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """Where a study's runs go; wandb keeps its own files in `folder`/wandb."""

    project: str
    entity: str | None
    tags: tuple[str, ...]
    notes: str | None
    folder: Path

    @classmethod
    def of(cls, config: Configuration, folder: Path) -> Self:
        """Where the configuration sends them."""
        return cls(
            project=config.wandb.project or config.general.project_name,
            entity=config.wandb.entity,
            tags=config.wandb.tags,
            notes=config.wandb.notes,
            folder=folder,
        )


class TrialRun:
    """A W&B run that holds one trial."""

    def __init__(self, run: wandb.Run, metric: str, folder: Path) -> None:
        self._run = run
        self._metric = metric
        self._folder = folder
        # A resumed run has its curve up to here; wandb would drop such steps with a warning.
        self._first_step = run.starting_step if run.resumed else 0
        self._curve: list[Point] = []

    def log(self, point: Point) -> None:
        """Add one evaluation to the curve, unless the run has it already."""
        self._curve.append(point)
        step = int(point["step"])
        if step >= self._first_step:
            self._run.log(self._row(point), step=step)

    def finish(self, ending: Ending) -> None:
        """Write the summary and close the run; blocks until all is sent, or raises TimeoutError.

        Raises OSError when the file of an offline run is not whole: wandb says nothing of it.
        """
        self._run.summary.update(summary(self._curve, ending, self._metric))
        self._run.finish(exit_code=FAILED if ending.state == "failed" else 0)
        if self._run.offline and wait_until_whole(self._folder, self._run.id) is None:
            raise OSError(errno.EIO, CUT_OFF, self._folder)

    def release(self) -> None:
        """Close the run as preempted: another worker goes on with it."""
        self._run.mark_preempting()
        self._run.finish(exit_code=FAILED)

    def _row(self, point: Point) -> dict[str, float]:
        best = best_point(self._curve, self._metric)
        row = {
            "epoch": point["epoch"],
            "train/loss": point.get("train_loss"),
            "train/learning_rate": point.get("learning_rate"),
            "eval/loss": point.get("eval_loss"),
            "eval/best": None if best is None else best[self._metric],
            **{f"eval/{score}": point.get(score) for score in SCORES},
        }
        return {key: value for key, value in row.items() if value is not None}


def open_run(
    target: Target,
    trial: TrialInfo,
    *,
    wire: Wire,
    earlier: Sequence[Point],
) -> TrialRun:
    """Begin the trial's run, or go on with it, and give it what it lacks of its curve so far."""
    target.folder.mkdir(parents=True, exist_ok=True)
    cache_beside(target.folder)
    earlier_files = offline_files(target.folder, trial.run_id) if wire == "offline" else []
    service = _service()
    if service is not None and service.poll() is not None:
        shut_down(RESTART_TIMEOUT_S)  # it was killed; wandb would go on talking to it
    try:
        with exit_hooks_kept():
            run = _init(target, trial, wire)
    except Exception:
        # wandb's service holds on to the id of a run that it could not begin; a new one doesn't.
        shut_down(RESTART_TIMEOUT_S)
        raise
    for file in earlier_files:  # the new one holds all that they do
        mark_sent(file)
    for metrics in ("train/*", "eval/*"):
        run.define_metric(metrics, step_metric="epoch")
    opened = TrialRun(run, trial.metric, target.folder)
    for point in earlier:
        opened.log(point)
    return opened


@contextmanager
def exit_hooks_kept() -> Iterator[None]:
    """Undo what wandb does to Python's exit: one more wrapper for each run and each service.

    After a thousand of them the process could not end any more.
    """
    kept = sys.exit, sys.excepthook
    try:
        yield
    finally:
        sys.exit, sys.excepthook = kept


def _init(target: Target, trial: TrialInfo, wire: Wire) -> wandb.Run:
    return wandb.init(
        project=target.project,
        entity=target.entity,
        group=trial.study,
        id=trial.run_id,
        name=trial.name,
        tags=target.tags,
        notes=target.notes,
        config={
            **trial.settings,
            "study": trial.study,
            "trial": trial.number,
            "params": dict(trial.params),
        },
        dir=str(target.folder),
        mode=wire,
        # Offline nobody can say what the run has; each offline file holds the whole curve.
        resume="allow" if wire == "online" else None,
        reinit="create_new",
        settings=run_settings(),
    )


def run_settings() -> wandb.Settings:
    """Settings of every run: silent, and nothing of the host is sent."""
    return wandb.Settings(
        silent=True,
        console="off",
        disable_git=True,
        disable_code=True,
        save_code=False,
        label_disable=True,
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
        program="hpo",
        host="",
        symlink=False,
        init_timeout=INIT_TIMEOUT_S,
        finish_timeout=FINISH_TIMEOUT_S,
        finish_timeout_raises=True,
    )


def shut_down(timeout_s: float) -> None:
    """End wandb's service: it may send what it has for `timeout_s` seconds, then it is killed.

    Untold, wandb would wait for it as Python exits, for longer than anyone gives a process that
    was asked to end; and a service left behind holds on to the worker's output.
    """
    service = _service()
    ending = threading.Thread(target=_teardown, name="wandb-teardown", daemon=True)
    ending.start()
    ending.join(timeout_s)
    if service is not None and service.poll() is None:
        service.kill()


def _no_log_file(_run_id: str, _file: Path) -> logging.Handler:
    return logging.NullHandler()


# wandb's own log beside a run: on a full disk each of its lines would be a traceback in the
# worker's terminal, and a run could not be finished. wandb-core keeps another one.
wb_logging.add_file_handler = _no_log_file  # type: ignore[assignment]


def _no_import_hook(_hook: object, _hook_id: str, _name: str) -> None:
    pass


# wandb's hooks tell its service of what is imported, in the thread that imports: a trial that did
# while the service was gone failed of a lost connection, and left the module half imported.
sdk_run.register_post_import_hook = _no_import_hook  # type: ignore[attr-defined, assignment]


def _service() -> subprocess.Popen[bytes] | None:
    """Give wandb's service process, which has no public name; None where there is none."""
    process: object = wandb_setup
    for attribute in ("_singleton", "_connection", "_proc", "_process"):
        process = getattr(process, attribute, None)
    return process if isinstance(process, subprocess.Popen) else None


def _teardown() -> None:
    try:
        wandb.teardown()
    except (Exception, SystemExit):  # from a service that is gone, and from one that was killed
        log.debug("wandb's service could not be told to end", exc_info=True)
