"""Whether the data are there, whole, and those of the study."""

from hpo.check.finding import Finding
from hpo.check.subject import Subject
from trainer.data import fingerprint

NAME = "data"
SHOWN = 12  # hex digits of a fingerprint


def look_at_data(subject: Subject) -> Finding:
    """Read every row; raises DataError with file, row and column."""
    texts = subject.texts.get()
    parts = [f"train {len(texts.train)}", f"dev {len(texts.dev)}"]
    parts.append(f"test {len(texts.test)}" if texts.files.test else "no test file")
    text = f"{', '.join(parts)} dialogues in {_where(subject)}"
    study = subject.chosen.get().study
    found = fingerprint(texts.files)
    if study is not None and study.pinned.data != found:
        return Finding(
            NAME,
            "failure",
            f"{text}: their fingerprint is {found[:SHOWN]}, study {study.name} is pinned with"
            f" {study.pinned.data[:SHOWN]}",
            "point --data at the same train and dev files",
        )
    return Finding(NAME, "ok", text)


def _where(subject: Subject) -> str:
    place = subject.config.general.data_path
    return place if isinstance(place, str) else f"{place.train}, {place.dev}"
