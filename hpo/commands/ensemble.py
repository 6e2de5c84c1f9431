"""`hpo ensemble`: which of a study's models are best together."""

from pathlib import Path

import click

from hpo.commands.options import (
    data_option,
    output_option,
    plain_errors,
    printable,
    storage_option,
    study_option,
)
from hpo.commands.places_to_write import FileToWrite, FolderToWrite, messages_beside


@click.command(
    short_help="Choose the models of a study that are best together.",
    epilog="Example: hpo ensemble --study kobart --top 3 --out ensemble.json",
)
@study_option
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="K",
    help="Members at most.",
)
@click.option(
    "--combine",
    type=click.Choice(["logits", "mbr"]),
    default="logits",
    show_default=True,
    help="As in hpo predict.",
)
@click.option(
    "--candidates",
    type=click.IntRange(min=1),
    metavar="N",
    help="With mbr: the N best summaries of each model's beams, instead of one.",
)
@click.option(
    "--among",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    metavar="N",
    help="Choose among the N best trials; with logits their models are in memory together.",
)
@data_option
@output_option("Where the workers here keep their models.")
@click.option(
    "--out",
    type=FileToWrite(),
    metavar="FILE",
    help="Write the list that `hpo predict --models FILE` uses. - is standard output.",
)
@click.option(
    "--exports",
    type=FolderToWrite(),
    metavar="DIR",
    help="Write the configurations of trials whose model is not here, for `hpo train`.",
)
@storage_option
@plain_errors
def ensemble(
    study: str | None,
    top: int,
    combine: str,
    candidates: int | None,
    among: int,
    data: str | None,
    output: str | None,
    out: Path | None,
    exports: Path | None,
    storage: str,
) -> None:
    """Add a study's models one by one, each time the one that helps most on dev.

    Says what each adds, in which range that would lie with other dialogues, and what is left of
    it on dialogues that it was not chosen on.
    """
    if candidates is not None and combine == "logits":
        raise click.UsageError("--candidates is for --combine mbr; logits make one summary")
    from typing import cast

    from hpo.ensemble.choice import Wanted
    from hpo.ensemble.run import run_ensemble
    from hpo.launch import Machine
    from hpo.opening import choose_study, open_database
    from trainer.ensemble import Combination

    say = messages_beside(out)
    wanted = Wanted(cast("Combination", combine), top, candidates or 1)
    with open_database(storage) as database:
        run_ensemble(
            database,
            choose_study(database, study),
            wanted,
            among=among,
            machine=Machine(data=data, output=output),
            out=out,
            exports=exports,
            say=lambda line: say(printable(line)),
        )
