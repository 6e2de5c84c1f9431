"""`hpo predict`: write summaries for a file of dialogues."""

from pathlib import Path

import click

from config.counting import counted
from hpo.commands.options import plain_errors
from hpo.commands.places_to_write import FileToWrite, messages_beside
from hpo.commands.several_values import SeveralValues
from hpo.standard_output import STANDARD_OUTPUT

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    cls=SeveralValues,
    several=("--models",),
    short_help="Summarize a file of dialogues with trained models.",
    epilog="Example: hpo predict --model model --data test.csv --out submission.csv --submission",
)
@click.option(
    "--model",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="A folder that `hpo train` or a trial has written.",
)
@click.option(
    "--models",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR DIR…|FILE",
    help="Several such folders, or the list that `hpo ensemble` wrote.",
)
@click.option(
    "--combine",
    type=click.Choice(["logits", "mbr"]),
    help="How several models make one summary: the mean of their logits at every token (same "
    "tokenizer), or the summary most like the others (minimum Bayes risk, any models). A list "
    "says it itself.",
)
@click.option(
    "--candidates",
    type=click.IntRange(min=1),
    metavar="N",
    help="With mbr: the N best summaries of each model's beams, instead of one.",
)
@click.option("--data", required=True, type=FILE, metavar="FILE", help="Dialogues, .csv or .jsonl.")
@click.option(
    "--out",
    required=True,
    type=FileToWrite(),
    metavar="FILE",
    help="The CSV to write. - is standard output.",
)
@click.option(
    "--submission",
    is_flag=True,
    help="The competition's form; refused when rows or order do not match the data file.",
)
@click.option("--batch-size", type=click.IntRange(min=1), metavar="N", help="Dialogues at once.")
@click.option("--num-beams", type=click.IntRange(min=1), metavar="N", help="Beams, if other.")
@plain_errors
def predict(
    model: Path | None,
    models: tuple[Path, ...],
    combine: str | None,
    candidates: int | None,
    data: Path,
    out: Path,
    submission: bool,
    batch_size: int | None,
    num_beams: int | None,
) -> None:
    """Summarize each dialogue of a file with a trained model, or with several together."""
    if (model is None) == (not models):
        raise click.UsageError("give either --model DIR or --models DIR DIR …")
    if out.exists() and data.exists() and out.samefile(data):
        raise click.UsageError(f"--out {out} is the data file itself; name another file")
    if submission and out == STANDARD_OUTPUT:
        raise click.UsageError("--submission needs a file: which model wrote it is kept beside it")
    from hpo.loading import loading

    with loading():
        from hpo.predicting import write_combined, write_predictions

    if model is not None:
        if combine or candidates:
            raise click.UsageError("--combine and --candidates are for --models")
        written = write_predictions(
            model, data, out, submission=submission, batch_size=batch_size, num_beams=num_beams
        )
    else:
        from hpo.ensemble.listing import chosen

        ensemble = chosen(models, combine=combine, candidates=candidates)
        written = write_combined(
            ensemble.models,
            data,
            out,
            combine=ensemble.combine,
            candidates=ensemble.candidates,
            submission=submission,
            batch_size=batch_size,
            num_beams=num_beams,
        )
    summaries = counted(written, "summary", "summaries")
    where = "standard output" if out == STANDARD_OUTPUT else out
    messages_beside(out)(f"{summaries} written to {where}")
