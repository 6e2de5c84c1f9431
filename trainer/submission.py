"""The competition's submission file, refused where it would not be scored as meant."""

import csv
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.counting import counted
from trainer.data import Example
from trainer.errors import SubmissionError

HEADER = ("", "fname", "summary")
SHOWN = 3  # names in a message
CONTROL_TOKENS = re.compile(r"</?(?:s|usr|pad|sys|unk|mask)>")
# A sentence's end: its sign, closing quotes or brackets, then a space or nothing. So 3.5 is no end,
# nor is the point of Mr. Green.
TITLES = ("Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Jr", "Sr")
NO_TITLE = "".join(rf"(?<!\b{title})" for title in TITLES)
SENTENCE_END = re.compile(rf"(?:{NO_TITLE}\.|[!?。…])[\"'”’)\]」』]*(?=\s|$)")


@dataclass(frozen=True)
class Prediction:
    """A generated summary of the dialogue of that name."""

    fname: str
    summary: str


def write_submission(
    predictions: Sequence[Prediction], test_examples: Sequence[Example], path: Path
) -> None:
    """Write a CSV file with an index from 0, fname and summary, in the test file's order.

    Summaries are put in final form (see `final_form`). The file is there whole or not at all.
    Raises SubmissionError when the rows or their order are not the test file's.
    """
    _check(predictions, test_examples)
    if path.exists() and not path.is_file():  # as /dev/stdout: it would be replaced
        raise SubmissionError(f"{path}: is no regular file; name one")
    place = Path(os.path.realpath(path))  # of a link what it points to
    partial = place.with_name(f".{place.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            for index, prediction in enumerate(predictions):
                writer.writerow((index, prediction.fname, final_form(prediction.summary)))
        partial.replace(place)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise SubmissionError(f"{path}: cannot be written: {error.strerror}") from error


def final_form(summary: str) -> str:
    """Return a summary as it is handed in.

    The model's own tokens go, spaces are collapsed, and a last sentence that was cut off by the
    length limit goes, unless it is the only one.
    """
    text = " ".join(CONTROL_TOKENS.sub(" ", summary).split())
    ends = [match.end() for match in SENTENCE_END.finditer(text)]
    return text[: ends[-1]] if ends else text


def _check(predictions: Sequence[Prediction], examples: Sequence[Example]) -> None:
    """Raise SubmissionError unless both name the same dialogues in the same order."""
    given = [prediction.fname for prediction in predictions]
    wanted = [example.fname for example in examples]
    if given == wanted:
        return
    missing = list((Counter(wanted) - Counter(given)).keys())
    unknown = list(Counter(given).keys() - Counter(wanted).keys())
    if missing or unknown or len(given) != len(wanted):
        reasons = [
            f"{counted(len(given), 'prediction')} for {counted(len(wanted), 'test dialogue')}",
            *([f"no summary for {_some(missing)}"] if missing else []),
            *([f"{_some(unknown)} not in the test file"] if unknown else []),
            *([f"{_some(repeated)} more than once"] if (repeated := _repeated(given)) else []),
        ]
        raise SubmissionError(f"{'; '.join(reasons)}; predict the test file and nothing else")
    index = next(index for index, fname in enumerate(given) if fname != wanted[index])
    raise SubmissionError(
        f"the order is not the test file's: index {index} is {given[index]!r} where the test file "
        f"has {wanted[index]!r}; keep the test file's order"
    )


def _repeated(fnames: Sequence[str]) -> list[str]:
    return [fname for fname, count in Counter(fnames).items() if count > 1]


def _some(fnames: Sequence[str]) -> str:
    named = ", ".join(fnames[:SHOWN])
    return named if len(fnames) <= SHOWN else f"{named} and {len(fnames) - SHOWN} more"
