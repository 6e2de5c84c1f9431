"""A worker of plain Optuna that only asks, reports and tells, timed call by call."""

import time

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import get_storage
from optuna.trial import Trial, TrialState

from benchmarks.storage.fill import EVALUATIONS, STUDY, open_plain
from benchmarks.storage.workers import ASK, REPORT, TELL, Job, forget_the_past, value_of
from config.samplers import TPE
from config.schema import Configuration
from hpo.pruners import make_pruner
from hpo.samplers import derive_seed, make_sampler
from hpo.suggest import suggest


def run_plain(job: Job, config: Configuration) -> None:
    """Run one worker of plain Optuna with the same sampler and pruner, and note its seconds."""
    backend = open_plain(job.url)
    storage = get_storage(backend)
    if job.knows_from is not None:
        forget_the_past(storage, storage.get_study_id_from_name(STUDY), job.knows_from)
    sampler = _optunas(config, job.name) if job.knows_from is None else RandomSampler()
    study = optuna.load_study(
        study_name=STUDY, storage=storage, sampler=sampler, pruner=make_pruner(config)
    )
    done = 0
    while job.trials is None or done < job.trials:
        began = time.perf_counter()
        trial = study.ask()
        suggest(trial, config.optuna.search_space)
        job.seconds[ASK].append(time.perf_counter() - began)
        job.started()
        if not _report_plain(job, study, trial):
            break
        done += 1
    backend.remove_session()
    backend.engine.dispose()


def _report_plain(job: Job, study: optuna.Study, trial: Trial) -> bool:
    """Report a trial to its end and tell it; False where the pace ended the worker."""
    for step in range(1, EVALUATIONS + 1):
        if not job.pace():
            return False
        began = time.perf_counter()
        trial.report(value_of(trial.number, step), step)
        pruned = trial.should_prune()
        job.seconds[REPORT].append(time.perf_counter() - began)
        if pruned:
            break
    began = time.perf_counter()
    if pruned:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, value_of(trial.number, EVALUATIONS))
    job.seconds[TELL].append(time.perf_counter() - began)
    return True


def _optunas(config: Configuration, name: str) -> BaseSampler:
    """The configured sampler as Optuna has it."""
    options = config.optuna.sampler
    if not isinstance(options, TPE):
        return make_sampler(config, worker_seed=name).inner
    return TPESampler(
        **options.model_dump(exclude={"name"}), seed=derive_seed(config.general.seed, name)
    )
