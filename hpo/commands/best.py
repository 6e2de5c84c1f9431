"""`hpo best`: the winner, on the screen, as JSON, or as a configuration that trains again."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpo.commands.options import plain_errors, printable, storage_option, study_option
from hpo.commands.places_to_write import FileToWrite, messages_beside
from hpo.standard_output import STANDARD_OUTPUT

if TYPE_CHECKING:
    from storage.connect import Database


@click.command(
    short_help="Show the best trial; export it as a configuration.",
    epilog="Example: hpo best --study kobart --export config.yaml",
)
@study_option
@click.option(
    "--export",
    "target",
    type=FileToWrite(),
    metavar="FILE",
    help="Write the whole configuration of the best trial; `hpo train --config FILE` runs it. "
    "- is standard output.",
)
@click.option(
    "--confirmed",
    is_flag=True,
    help="Take the winner by its mean over several seeds, of what `hpo confirm` has run again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@storage_option
@plain_errors
def best(
    study: str | None, target: Path | None, confirmed: bool, as_json: bool, storage: str
) -> None:
    """Show the best completed trial, and export it as a configuration.

    Where `hpo confirm` has run the best trials again, what that found is shown too.
    """
    from hpo.opening import choose_study, open_database
    from hpo.whole_file import write_whole

    if as_json and target == STANDARD_OUTPUT:
        raise click.UsageError("--json and --export - both go to standard output; name a file")
    with open_database(storage) as database:
        name = choose_study(database, study)
        found = _confirmed(database, name) if confirmed else _single(database, name)
    if target is not None:
        write_whole(target, found.yaml)
    if as_json:
        click.echo(json.dumps(found.facts, ensure_ascii=False, indent=2))
        return
    say = messages_beside(target)
    for line in found.lines:
        say(printable(line))
    if target not in {None, STANDARD_OUTPUT}:
        config = shlex.quote(str(target))
        say(f"written to {target}; next: hpo train --config {config} --output DIR")


@dataclass(frozen=True)
class _Found:
    """A winner as a file, as JSON, and as lines to read."""

    yaml: str
    facts: Mapping[str, object]
    lines: Sequence[str]


def _single(database: "Database", name: str) -> _Found:
    from config.load import to_mapping
    from hpo.confirm import words
    from hpo.confirm.results import read_results
    from hpo.export import (
        export_yaml,
        find_best,
        from_another_study,
        winning_configuration,
    )
    from hpo.told_trials import look_for_better_told

    pinned, best = find_best(database, name)
    told = look_for_better_told(database, name, best)
    results = read_results(database, name, pinned)
    first = (
        f"best of {name!r}: trial {best.number}, {pinned.config.metric.name} {best.value:.4f}"
        f" at epoch {best.epoch:g}"
    )
    lines = [first, *_parameters(best.params), *([] if told is None else [str(told)])]
    if from_another_study(database, name, best):
        lines.append(
            f"trial {best.number} was trained in another study and copied here: it reaches its"
            " score again where that study's data and other settings were the same"
        )
    if results is not None:
        lines += ["", *words.lines(results)]
    better = {} if told is None else {"better_told": told.as_json()}
    confirmation = {} if results is None else {"confirmation": words.as_json(results)}
    facts = {
        "study": name,
        "number": best.number,
        "value": best.value,
        "epoch": best.epoch,
        "params": best.params,
        **better,
        **confirmation,
        "config": to_mapping(winning_configuration(name, pinned, best)),
    }
    return _Found(export_yaml(name, pinned, best), facts, lines)


def _confirmed(database: "Database", name: str) -> _Found:
    from config.load import to_mapping
    from hpo.confirm import words
    from hpo.confirm.export import Confirmed, confirmed_configuration, confirmed_yaml
    from hpo.confirm.results import confirmed, winning_run

    pinned, results = confirmed(database, name)
    won = Confirmed.of(name, pinned, results, winning_run(database, results))
    lines = [
        f"confirmed best: {won.words()}",
        won.reproduces(),
        *_parameters(won.best.params),
        "",
        *words.lines(results),
    ]
    facts = {
        "study": name,
        "number": won.winner.number,
        "value": won.best.value,
        "epoch": won.best.epoch,
        "params": won.best.params,
        "confirmation": words.as_json(results),
        "config": to_mapping(confirmed_configuration(won)),
    }
    return _Found(confirmed_yaml(won), facts, lines)


def _parameters(params: Mapping[str, object]) -> list[str]:
    return [f"  {field}: {value}" for field, value in params.items()]
