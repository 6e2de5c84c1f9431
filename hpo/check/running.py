"""Running checks one after another: what one of them runs into costs its own line only."""

import logging
from collections.abc import Iterable, Iterator

from config.errors import ConfigError
from hpo.check.finding import Check, Finding
from hpo.errors import HpoError
from hpo.hiding import hide
from storage.errors import StorageError
from trainer.errors import TrainerError, first_line

KNOWN = (ConfigError, HpoError, StorageError, TrainerError)
"""Errors whose message is one line that says how to mend it."""

log = logging.getLogger(__name__)


class NotLookedAt(Exception):
    """What this check needs failed in another one, which has a line of its own."""


def findings_of(checks: Iterable[Check]) -> Iterator[Finding]:
    """What each check finds, as it is found, without secrets. Raises nothing that is an Exception.

    A known error becomes a failure with its own words, any other one a failure that names it.
    """
    for check in checks:
        yield _without_secrets(_looked(check))


def _looked(check: Check) -> Finding:
    try:
        return check.look()
    except NotLookedAt as reason:
        return Finding(check.name, "warning", f"not looked at: {reason}", "mend that first")
    except KNOWN as error:
        text, _, mend = str(error).partition("; ")
        return Finding(check.name, "failure", text, mend)
    except Exception as error:  # one check that breaks must not hide the others
        log.debug("the check %s failed", check.name, exc_info=True)
        return Finding(
            check.name,
            "failure",
            f"could not be looked at: {type(error).__name__}: {first_line(error)}",
            "this is a fault of hpo check: the other lines hold",
        )


def _without_secrets(found: Finding) -> Finding:
    return Finding(found.name, found.level, hide(found.text), hide(found.mend))
