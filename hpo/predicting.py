"""From model folders and a file of dialogues to a CSV of summaries: what `hpo predict` does."""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from hpo.errors import HpoError
from hpo.submission_source import keep_source
from hpo.whole_file import write_whole
from trainer.data import read_examples
from trainer.ensemble import Combination, predict_together
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
    written = _written(
        lambda: predict(model, data, batch_size=batch_size, num_beams=num_beams),
        data,
        out,
        submission=submission,
    )
    if submission:
        keep_source(out, [model], data, num_beams=num_beams)
    return written


def write_combined(
    models: Sequence[Path],
    data: Path,
    out: Path,
    *,
    combine: Combination,
    candidates: int = 1,
    submission: bool,
    batch_size: int | None = None,
    num_beams: int | None = None,
) -> int:
    """Write what several models say together; otherwise as `write_predictions`."""
    written = _written(
        lambda: predict_together(
            models,
            data,
            combine=combine,
            candidates=candidates,
            batch_size=batch_size,
            num_beams=num_beams,
        ),
        data,
        out,
        submission=submission,
    )
    if submission:
        keep_source(out, models, data, combine=combine, num_beams=num_beams)
    return written


def _written(
    summarize: Callable[[], list[Prediction]], data: Path, out: Path, *, submission: bool
) -> int:
    if not out.parent.is_dir():
        raise HpoError(f"cannot write {out}: there is no folder {out.parent}")  # before the work
    predictions = summarize()
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
