"""`hpo config`: look at a configuration before it is used."""

import os

import click

from hpo.command_group import NearestCommand
from hpo.commands.options import override_option, plain_errors


@click.group(
    cls=NearestCommand, epilog="Example: hpo config show kobart -o training.learning_rate=3e-5"
)
def config() -> None:
    """Show or check a configuration."""


@config.command(epilog="Example: hpo config show baseline > mine.yaml")
@click.argument("source", metavar="[PRESET|FILE]", default="kobart")
@override_option
@plain_errors
def show(source: str, overrides: tuple[str, ...]) -> None:
    """Print the whole configuration as YAML: preset, file, -o and environment together."""
    from config.load import dump, load

    click.echo(dump(load(source, overrides=overrides, environ=os.environ)), nl=False)


@config.command(epilog="Example: hpo config check mine.yaml")
@click.argument("source", metavar="PRESET|FILE")
@override_option
@plain_errors
def check(source: str, overrides: tuple[str, ...]) -> None:
    """Say whether a configuration and its search space are valid; exit 2 if not."""
    from config.errors import ConfigError
    from config.load import load
    from hpo.creation import describe
    from hpo.pruners import check_pruner
    from hpo.samplers import check_sampler

    try:
        loaded = load(source, overrides=overrides, environ=os.environ)
    except ConfigError as error:
        raise click.UsageError("\n".join(error.problems)) from error
    check_sampler(loaded)
    check_pruner(loaded)
    click.echo(f"ok: {describe(loaded)}")
