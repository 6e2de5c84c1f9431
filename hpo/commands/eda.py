"""`hpo eda`: what is in the dialogues, as a page and as JSON."""

from pathlib import Path

import click

from hpo.commands.options import (
    config_option,
    data_option,
    override_option,
    plain_errors,
    printable,
)
from hpo.commands.places_to_write import FileToWrite, messages_beside
from hpo.standard_output import STANDARD_OUTPUT

NEAR = click.FloatRange(min=0.05, max=1)


@click.command(
    short_help="Look at the data: lengths, noise, terms, duplicates, leaks.",
    epilog="Example: hpo eda --config kobart --data data --out eda.html",
)
@config_option
@override_option
@data_option
@click.option(
    "--out",
    type=FileToWrite(),
    default="eda.html",
    show_default=True,
    metavar="FILE",
    help="The HTML page to write; it needs no other file and no network. - is standard output.",
)
@click.option(
    "--json", "data_out", type=FileToWrite(), metavar="FILE", help="Write the figures as JSON too."
)
@click.option(
    "--font",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A font with Korean letters for the word clouds, if not one that is found here.",
)
@click.option(
    "--near",
    type=NEAR,
    default=0.25,
    show_default=True,
    metavar="SHARE",
    help="From which similarity on two dialogues count as near-duplicates; the page explains it.",
)
@plain_errors
def eda(
    source: str | None,
    overrides: tuple[str, ...],
    data: str | None,
    out: Path,
    data_out: Path | None,
    font: Path | None,
    near: float,
) -> None:
    """Look at the dialogues before anything is trained on them.

    Lengths against the configured limits, turns, topics, tags, noise before and after cleaning,
    typical nouns, word clouds, and dialogues that are in a file twice or in two files. A folder
    with train alone will do.
    """
    from hpo.extras import need_extra

    need_extra("eda", command="hpo eda")
    from hpo.eda.places import check_places
    from hpo.eda.splits import read_splits
    from hpo.import_noise import unheard
    from hpo.training_configuration import load_for_training

    config = load_for_training(
        "kobart" if source is None else source, overrides=overrides, data=data, seed=None
    )
    splits = read_splits(config)
    check_places(out, data_out, splits)
    with unheard():
        from hpo.eda.findings import findings
        from hpo.eda.write import write_report

    analysis = write_report(
        config,
        splits,
        page=out,
        data=data_out,
        font=font,
        near=near,
        say=lambda what: click.echo(f"{what} ...", err=True),
        warn=lambda what: click.echo(f"warning: {what}", err=True),
    )
    say = messages_beside(out, data_out)
    for finding in findings(analysis):
        say(f"{'look' if finding.look else 'fine'}: {printable(finding.text)}")
    for what, place in (("page", out), ("JSON", data_out)):
        if place not in {None, STANDARD_OUTPUT}:
            say(printable(f"{what} written to {place}"))
