"""`--models A B C`: each word up to the next option is a value of it."""

import click
import pytest
from click.testing import CliRunner

from hpo.commands.several_values import SeveralValues


@click.command(cls=SeveralValues, several=("--models",))
@click.option("--models", multiple=True)
@click.option("--out")
@click.argument("rest", nargs=-1)
def show(models: tuple[str, ...], out: str | None, rest: tuple[str, ...]) -> None:
    click.echo(f"{'+'.join(models)} {out} {'+'.join(rest)}")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("--models a b c --out o", "a+b+c o "),
        ("--out o --models a b c", "a+b+c o "),
        ("--models a --models b c", "a+b+c None "),
        ("--models=a b --out=o", "a+b o "),
        ("--out o x --models a", "a o x"),
        ("--models a b -- x y", "a+b None x+y"),
        ("x", " None x"),
    ],
)
def test_all_words_up_to_the_next_option_are_its_values(line: str, shown: str) -> None:
    result = CliRunner().invoke(show, line.split())
    assert (result.exit_code, result.output) == (0, f"{shown}\n")


def test_the_option_without_a_value_is_refused() -> None:
    result = CliRunner().invoke(show, ["--models"])
    assert result.exit_code == 2
    assert "--models" in result.output
