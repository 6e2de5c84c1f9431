"""`hpo predict`: write summaries for a file of dialogues."""

from pathlib import Path

import click

from hpo.commands.options import plain_errors

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    short_help="Summarize a file of dialogues with a trained model.",
    epilog="Example: hpo predict --model model --data test.csv --out submission.csv --submission",
)
@click.option(
    "--model",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="A folder that `hpo train` or a trial has written.",
)
@click.option("--data", required=True, type=FILE, metavar="FILE", help="Dialogues, .csv or .jsonl.")
@click.option("--out", required=True, type=FILE, metavar="FILE", help="The CSV to write.")
@click.option(
    "--submission",
    is_flag=True,
    help="The competition's form; refused when rows or order do not match the data file.",
)
@click.option("--batch-size", type=click.IntRange(min=1), metavar="N", help="Dialogues at once.")
@click.option("--num-beams", type=click.IntRange(min=1), metavar="N", help="Beams, if other.")
@plain_errors
def predict(
    model: Path,
    data: Path,
    out: Path,
    submission: bool,
    batch_size: int | None,
    num_beams: int | None,
) -> None:
    """Summarize each dialogue of a file with a trained model."""
    from hpo.predicting import write_predictions

    written = write_predictions(
        model, data, out, submission=submission, batch_size=batch_size, num_beams=num_beams
    )
    click.echo(f"{written} summaries written to {out}")
