"""Which experiment it was: number, date, who, where its runs are, what it was for."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from urllib.parse import quote, urlsplit

from config.counting import counted
from config.schema import Configuration
from hpo.report.document import Block, Link, Section, Table, Text
from hpo.report.facts import Facts
from hpo.run_names import short_model_name
from hpo.trial_record import WANDB
from hpo.wandb_mode import is_server

WANDB_PAGES = "https://wandb.ai"
WAYS = {"online": "online", "offline": "offline files", "disabled": "switched off"}


@dataclass(frozen=True)
class Told:
    """What only people know; None where nobody said it. `number` None is the study's own."""

    number: int | None = None
    aim: str | None = None
    who: str | None = None


def title(facts: Facts, told: Told) -> str:
    """The experiment's number and name."""
    number = facts.study_id if told.number is None else told.number
    return f"Experiment {number}: {facts.study}"


def head(facts: Facts, told: Told, environ: Mapping[str, str]) -> Section:
    """Who, when and where."""
    rows = [
        ("study", facts.study),
        ("date", _dates(facts)),
        ("who", told.who or "not given (--who)"),
        ("W&B", _wandb(facts)),
    ]
    url = wandb_url(facts.config, environ)
    link: list[Block] = [] if url is None else [Link("The runs in W&B", url)]
    return Section("Experiment", (Table(("", ""), tuple(rows)), *link))


def aim(facts: Facts, told: Told) -> Section:
    """What it was for: as somebody said it, as the notes of its runs say, or what any search is."""
    text = told.aim or facts.config.wandb.notes or _usual_aim(facts)
    return Section("Aim", (Text(text),))


def wandb_url(config: Configuration, environ: Mapping[str, str]) -> str | None:
    """Where the runs are in W&B; None where they are not sent, or to nobody knows whose project."""
    if config.wandb.mode in ("offline", "disabled") or config.wandb.entity is None:
        return None
    address = environ.get("WANDB_BASE_URL", "")
    if address and not is_server(address):
        return None
    server = urlsplit(address)
    cloud = not server.hostname or server.hostname == "api.wandb.ai"
    port = f":{server.port}" if server.port else ""
    pages = WANDB_PAGES if cloud else f"{server.scheme}://{server.hostname}{port}"
    project = config.wandb.project or config.general.project_name
    return f"{pages}/{quote(config.wandb.entity, safe='')}/{quote(project, safe='')}"


def _wandb(facts: Facts) -> str:
    """Which way the trials went, as their workers kept it; before that, the configuration's."""
    config = facts.config
    kept = Counter(str(t.user_attrs[WANDB]) for t in facts.trials if WANDB in t.user_attrs)
    modes = list(kept) or [config.wandb.mode]
    if modes == ["disabled"]:
        return WAYS["disabled"]
    project = config.wandb.project or config.general.project_name
    owner = "" if config.wandb.entity is None else f" of {config.wandb.entity}"
    if len(modes) == 1:
        return f"project {project}{owner}" + f", {WAYS['offline']}" * (modes == ["offline"])
    ways = ", ".join(f"{WAYS.get(mode, mode)} {count}" for mode, count in kept.most_common())
    return f"project {project}{owner}; trials: {ways}"


def _dates(facts: Facts) -> str:
    began = [trial.datetime_start for trial in facts.trials if trial.datetime_start]
    ended = [trial.datetime_complete for trial in facts.trials if trial.datetime_complete]
    if not began:
        return "no trial has begun"
    # Optuna gives them in this machine's time, without a zone.
    first = f"{min(began).astimezone(UTC):%Y-%m-%d %H:%M}"
    last = f"{max(ended).astimezone(UTC):%Y-%m-%d %H:%M}" if ended else "now"
    return f"{first} to {last} UTC" + ", not over yet" * _goes_on(facts)


def _goes_on(facts: Facts) -> bool:
    return facts.status.running > 0 or facts.status.left > 0


def _usual_aim(facts: Facts) -> str:
    count = len(facts.config.optuna.search_space)
    model = short_model_name(facts.config.model.name)
    return (
        f"Find the values of {counted(count, 'setting')} with which {model} reaches the"
        f" highest {facts.metric} on the dev set."
    )
