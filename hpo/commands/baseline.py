"""`hpo baseline`: a language model's score on the same dev set."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hpo.commands.options import (
    config_option,
    data_option,
    not_empty,
    plain_errors,
    printable,
    storage_option,
    study_option,
)
from hpo.commands.places_to_write import FolderToWrite
from hpo.ctrl_c import INTERRUPTED

if TYPE_CHECKING:
    from hpo.baseline.run import Request

MAX_TOKENS = 256


@click.command(
    short_help="Score a language model on the dev set, as a yardstick.",
    epilog="Example: hpo baseline --endpoint https://api.upstage.ai/v1 --model solar-pro2 -s demo",
)
@click.option(
    "--endpoint",
    required=True,
    callback=not_empty,
    metavar="URL",
    help="A server with OpenAI's chat form: its base, such as https://api.upstage.ai/v1.",
)
@click.option("--model", required=True, callback=not_empty, metavar="NAME", help="Which model.")
@study_option
@config_option
@data_option
@click.option(
    "--examples",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    metavar="K",
    help="Dialogues of train that are shown with their summaries, drawn by the seed.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(min=1, max=64),
    default=4,
    show_default=True,
    metavar="N",
    help="Questions at once.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="For one answer.",
)
@click.option(
    "--parameter",
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=JSON",
    help=f"Put into each request, such as max_tokens=400 (else {MAX_TOKENS}); null takes one out.",
)
@click.option(
    "--prices",
    nargs=2,
    type=click.FloatRange(min=0),
    metavar="PROMPT ANSWER",
    help="What a million tokens of each cost, to count the cost.",
)
@click.option(
    "--output",
    type=FolderToWrite(),
    default=Path("outputs/baseline"),
    show_default=True,
    metavar="DIR",
    help="Where answers and results go; an answer that is there is not asked for again.",
)
@storage_option
@plain_errors
def baseline(
    endpoint: str,
    model: str,
    study: str | None,
    source: str | None,
    data: str | None,
    examples: int,
    concurrency: int,
    timeout: float,
    parameters: tuple[str, ...],
    prices: tuple[float, float] | None,
    output: Path,
    storage: str,
) -> None:
    """Ask a language model for a summary of each dev dialogue, and score them as a trial is scored.

    With --study the data and the metric are the study's, and the result is kept with it. The key
    is read from HPO_BASELINE_KEY, or, for their own services only, from UPSTAGE_API_KEY or
    OPENAI_API_KEY. Ctrl-C ends it after the answers under way; the same command goes on.
    """
    if study is not None and source is not None:
        raise click.UsageError("give --study or --config; a study has its own configuration")
    import os

    from hpo.baseline.endpoint import Endpoint
    from hpo.baseline.run import Prices, Request

    request = Request(
        Endpoint.of(endpoint, os.environ),
        model,
        examples,
        concurrency,
        timeout,
        prices and Prices(*prices),
        {"max_tokens": MAX_TOKENS, **_values(parameters)},
    )
    if study is None:
        _beside_no_study(request, source, data, output)
    else:
        _beside_study(request, study, data, output, storage)


def _beside_no_study(request: "Request", source: str | None, data: str | None, out: Path) -> None:
    from hpo.training_configuration import load_for_training
    from trainer.data import locate_data

    config = load_for_training(source or "kobart", overrides=(), data=data, seed=None)
    _run(request, config, locate_data(config.general.data_path), out, None)


def _beside_study(
    request: "Request", study: str, data: str | None, out: Path, storage: str
) -> None:
    import optuna

    from hpo.baseline.result import record
    from hpo.launch import Machine, on_this_machine
    from hpo.opening import open_database

    with open_database(storage) as database:  # twice: a run may take longer than a connection
        machine = Machine(data=data, output=str(out))
        pinned, config, files = on_this_machine(database, study, machine)
        best = pinned.own.best(optuna.load_study(study_name=study, storage=database.storage))
    found = _run(request, config, files, out, None if best is None else best.value)
    with open_database(storage) as database:
        record(database, study, found)
    click.echo(f"kept with study {printable(study)}")


def _run(request: "Request", config: Any, files: Any, out: Path, best: float | None) -> Any:
    from hpo.baseline.run import report, run_baseline
    from hpo.stop import Stopped, stop_requests

    def say(line: str) -> None:
        click.echo(printable(line))

    with stop_requests() as stop:
        try:
            found, path = run_baseline(request, config, files, out, stop=stop, say=say)
        except Stopped:
            click.echo(
                f"stopped as asked; answers are in {out}, the same command goes on", err=True
            )
            raise click.exceptions.Exit(INTERRUPTED) from None
    for line in report(found, best, path):
        say(line)
    return found


def _values(parameters: tuple[str, ...]) -> dict[str, Any]:
    import json

    found: dict[str, Any] = {}
    for each in parameters:
        name, equals, value = each.partition("=")
        if not equals or not name or name in {"model", "messages", "stream"}:
            raise click.UsageError(f"--parameter {each!r}: give NAME=JSON, such as max_tokens=400")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value  # a word, such as reasoning_effort=low
    return found
