"""Options that several commands share, and one way for all to end on a known failure."""

import functools
import re
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import click

from hpo.commands.places_to_write import NO_FOLDER, FolderToWrite

PER_GPU = re.compile(r"auto|[1-9]|[1-5][0-9]|6[0-4]")
MOST_PER_GPU = 64
DEFAULT_STORAGE = "sqlite:///hpo.db"

P = ParamSpec("P")
R = TypeVar("R")
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

storage_option: Decorator = click.option(
    "--storage",
    envvar="HPO_STORAGE",
    default=DEFAULT_STORAGE,
    show_default=True,
    metavar="URL",
    help="Database of the studies: sqlite:///FILE or postgresql://USER@HOST/NAME. "
    "Also read from HPO_STORAGE.",
)

study_option: Decorator = click.option(
    "--study",
    "-s",
    metavar="NAME",
    help="The study. May be left out when the database holds only one.",
)


def not_empty(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuse what an unset variable of a shell script leaves behind."""
    if value is not None and not value.strip():
        raise click.BadParameter("is empty; give a value, or leave the option out")
    return value


def not_empty_nor_dash(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    """Refuse also `-`, which nobody means as the name of a folder."""
    if not_empty(ctx, parameter, value) == "-":
        raise click.BadParameter(NO_FOLDER)
    return value


def per_gpu_count(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuse what is neither a number of workers on a GPU nor auto."""
    if value is not None and not PER_GPU.fullmatch(value):
        raise click.BadParameter(f"{value!r} is neither auto nor a number from 1 to {MOST_PER_GPU}")
    return value


config_option: Decorator = click.option(
    "--config",
    "-c",
    "source",
    metavar="PRESET|FILE",
    callback=not_empty,
    help="A preset (kobart, demo, baseline) or a YAML file.",
)

override_option: Decorator = click.option(
    "-o",
    "--override",
    "overrides",
    multiple=True,
    metavar="SECTION.FIELD=VALUE",
    help="Set one field, e.g. -o training.learning_rate=3e-5. May be repeated.",
)

data_option: Decorator = click.option(
    "--data",
    envvar="HPO_DATA",
    metavar="FOLDER",
    callback=not_empty,
    help="Where train and dev lie on this machine, if not where the configuration says. "
    "Also read from HPO_DATA.",
)


def output_option(says: str) -> Decorator:
    """Give the option for this machine's output folder; `says` is what lies there."""
    return click.option(
        "--output",
        callback=not_empty_nor_dash,
        envvar="HPO_OUTPUT",
        metavar="FOLDER",
        help=f"{says} Also read from HPO_OUTPUT.",
    )


def checkpoints_option(says: str) -> Decorator:
    """Give the option for where running trials save; `says` is what to know of it."""
    return click.option(
        "--checkpoints",
        callback=not_empty_nor_dash,
        envvar="HPO_CHECKPOINTS",
        metavar="FOLDER|URL",
        help=f"{says} Also read from HPO_CHECKPOINTS.",
    )


def artifacts_option(says: str) -> Decorator:
    """Give the option for the folder of optuna-dashboard's artifacts; `says` is what is done."""
    return click.option(
        "--artifacts",
        envvar="HPO_ARTIFACTS",
        type=FolderToWrite(),
        metavar="FOLDER",
        help=f"{says} Also read from HPO_ARTIFACTS.",
    )


def printable(text: str) -> str:
    """Keep a message on one line, and from steering the terminal: names in it may do both."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def agreed(question: str) -> bool:
    """Ask; Ctrl-C and the end of the input are a no."""
    try:
        return click.confirm(question)
    except click.Abort:
        click.echo()
        return False


def plain_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn the packages' known failures into one line.

    Exit 2 for what was typed and cannot work (options, configuration, environment), 1 for what
    was found: a database, data, a disk, a network.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        from config.errors import ConfigError
        from hpo.errors import HpoError, WrongInput
        from storage.errors import BadURL, StorageError
        from trainer.errors import TrainerError

        try:
            return command(*args, **kwargs)
        except (ConfigError, WrongInput, BadURL) as error:
            raise click.UsageError(_line(error)) from error
        except (HpoError, StorageError, TrainerError) as error:
            raise click.ClickException(_line(error)) from error

    return run


def _line(error: Exception) -> str:
    from hpo.hiding import hide  # loads SQLAlchemy, which a command that goes well may not need

    return printable(hide(str(error)))
