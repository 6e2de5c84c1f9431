"""Removing what trials have saved to be continued, once they have ended."""

import logging
from pathlib import PurePosixPath

from optuna.study import Study

from hpo.trial_folder import trial_folder
from trainer.resume_store import ResumeStore, open_resume_store, stored_names

log = logging.getLogger(__name__)


def forget(resume: ResumeStore) -> None:
    """Remove an ended trial's resume state; what cannot be removed now is swept later."""
    try:
        resume.clear()
    except Exception as error:  # noqa: BLE001 - each storage has errors of its own, and the trial has ended
        log.warning("a resume state is left behind for now: %s", error)


def sweep(study: Study, root: str, folder: str) -> None:
    """Remove what ended trials left in the study's folder: their worker died before it could."""
    try:
        left = stored_names(root, folder)
    except Exception as error:  # noqa: BLE001 - as above; trials can be trained without it
        log.warning("old resume states cannot be looked for: %s", error)
        return
    if not left:
        return
    for trial in study.get_trials(deepcopy=False):
        place = str(trial_folder(PurePosixPath(folder), trial.number))
        if trial.state.is_finished() and place in left:
            forget(open_resume_store(root, place))
