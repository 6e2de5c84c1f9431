"""The list before an experiment."""

from collections.abc import Callable

from hpo.check import (
    configuration,
    data,
    database,
    device,
    disk,
    duration,
    lengths,
    memory,
    model,
    versions,
    wandb_account,
)
from hpo.check.finding import Check, Finding
from hpo.check.subject import Asked, Subject

LOOKS: tuple[tuple[str, Callable[[Subject], Finding]], ...] = (
    (database.NAME, database.look_at_storage),
    (configuration.NAME, configuration.look_at_configuration),
    (versions.NAME, versions.look_at_versions),
    (data.NAME, data.look_at_data),
    (model.NAME, model.look_at_model),
    (lengths.NAME, lengths.look_at_lengths),
    (device.NAME, device.look_at_device),
    (memory.NAME, memory.look_at_memory),
    (disk.NAME, disk.look_at_disk),
    (wandb_account.NAME, wandb_account.look_at_wandb),
    (duration.NAME, duration.look_at_time),
)
"""In an order in which each part is asked for first by the check whose line is to have it."""


def experiment_checks(asked: Asked) -> list[Check]:
    """All checks of what a worker here would work on."""
    subject = Subject(asked)
    return [Check(name, _bound(look, subject)) for name, look in LOOKS]


def _bound(look: Callable[[Subject], Finding], subject: Subject) -> Callable[[], Finding]:
    return lambda: look(subject)
