"""From a model folder and a file of dialogues to a CSV of summaries: what `hpo predict` does."""

import csv
import io
from pathlib import Path

from hpo.errors import HpoError
from hpo.whole_file import write_whole
from trainer.data import read_examples
from trainer.predict import predict
from trainer.submission import Prediction, write_submission


def write_predictions(
    model: Path,
    data: Path,
    out: Path,
    *,
    submission: bool,
    batch_size: int | None = None,
    num_beams: int | None = None,
) -> int:
    """Summarize and write; the number of summaries. Nothing is written when anything fails.

    Raises TrainerError for a folder without a model, data that cannot be read, and a submission
    that does not fit the data file; HpoError where `out` cannot be written.
    """
    if not out.parent.is_dir():
        raise HpoError(f"cannot write {out}: there is no folder {out.parent}")  # before the work
    predictions = predict(model, data, batch_size=batch_size, num_beams=num_beams)
    if submission:
        write_submission(predictions, read_examples(data, need_summary=False), out)
    else:
        write_whole(out, _as_csv(predictions))
    return len(predictions)


def _as_csv(predictions: list[Prediction]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("fname", "summary"))
    writer.writerows((each.fname, each.summary) for each in predictions)
    return text.getvalue()
