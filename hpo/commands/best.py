"""`hpo best`: the winner, on the screen, as JSON, or as a configuration that trains again."""

import json
from pathlib import Path

import click

from hpo.commands.options import plain_errors, storage_option, study_option


@click.command(
    short_help="Show the best trial; export it as a configuration.",
    epilog="Example: hpo best --study kobart --export config.yaml",
)
@study_option
@click.option(
    "--export",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the whole configuration of the best trial; `hpo train --config FILE` runs it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@storage_option
@plain_errors
def best(study: str | None, target: Path | None, as_json: bool, storage: str) -> None:
    """Show the best completed trial, and export it as a configuration."""
    from config.load import to_mapping
    from hpo.export import export_yaml, find_best, winning_configuration
    from hpo.opening import choose_study, open_database
    from hpo.whole_file import write_whole

    with open_database(storage) as database:
        name = choose_study(database, study)
        pinned, found = find_best(database, name)
    if target is not None:
        write_whole(target, export_yaml(name, pinned, found))
    if as_json:
        answer = {
            "study": name,
            "number": found.number,
            "value": found.value,
            "epoch": found.epoch,
            "params": found.params,
            "config": to_mapping(winning_configuration(name, pinned, found)),
        }
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    click.echo(
        f"best of {name!r}: trial {found.number}, {pinned.config.metric.name} {found.value:.4f}"
        f" at epoch {found.epoch:g}"
    )
    for field, value in found.params.items():
        click.echo(f"  {field}: {value}")
    if target is not None:
        click.echo(f"written to {target}; next: hpo train --config {target} --output DIR")
