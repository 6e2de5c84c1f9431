"""What W&B's server holds of a study's runs, asked through wandb's public interface."""

from collections.abc import Callable

from hpo.errors import HpoError
from hpo.hiding import hide
from hpo.wandb_held import Held, step_in

# Before wandb itself: the first sets what wandb reads as it is imported.
from hpo.wandb_run import Target  # isort: skip
from hpo.wandb_cache import cache_beside  # isort: skip

import wandb
from wandb.errors import CommError

ANSWER_TIMEOUT_S = 20


class WandbRefuses(HpoError):
    """W&B does not answer, or does not let us in."""


def open_remote(target: Target) -> Callable[[str], Held | None]:
    """Log in, and give what looks a run up by its id: None where there is none.

    Raises WandbRefuses; so does the look-up, unless the run is just not there.
    """
    cache_beside(target.folder)
    try:
        api = wandb.Api(timeout=ANSWER_TIMEOUT_S)
        entity = target.entity or api.default_entity
    except Exception as error:  # wandb has no base class for what it raises here
        raise WandbRefuses(f"W&B refuses: {first_line(error)}; nothing was written") from error

    def held(run_id: str) -> Held | None:
        try:
            run = api.run(f"{entity}/{target.project}/{run_id}")
        except CommError as error:
            if isinstance(error.exc, ValueError):  # wandb's word for a run that is not there
                return None
            raise
        rows = run._attrs.get("historyLineCount")  # noqa: SLF001 - its properties ask again
        summary = dict(run.summary_metrics or {})
        return Held(run.state, rows, step_in(summary), summary)

    return held


def first_line(error: BaseException) -> str:
    """What an error says in one line, without secrets."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return hide(lines[0])
