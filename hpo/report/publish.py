"""A report in optuna-dashboard: the page and tables of samples as artifacts, a note, the plots.

Artifacts are files in a folder, as Optuna's FileSystemArtifactStore lays them out, and attributes
of the study that name them: a finished trial takes no more attributes. Their ids follow from the
study and what they are, so that a report that is published again takes the place of the older one.
"""

import csv
import io
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from optuna_dashboard._custom_plot_data import SYSTEM_ATTR_PLOT_DATA, split_plot_data
from optuna_dashboard.artifact._backend import (
    ARTIFACTS_ATTR_PREFIX,
    DASHBOARD_ARTIFACTS_ATTR_PREFIX,
)

from config.counting import counted
from hpo.dashboard_notes import note_of
from hpo.errors import HpoError
from hpo.hiding import hide
from hpo.notes import samples_of, write_note
from hpo.report.facts import Facts
from hpo.report.write import Writer
from hpo.whole_file import write_whole
from storage.connect import Database
from trainer.evaluation import Sample

PAGE, MARKDOWN, SAMPLES = "report.html", "report.md", "samples.csv"
TYPES = {PAGE: "text/html", MARKDOWN: "text/markdown", SAMPLES: "text/csv"}
BEGIN, END = "[//]: # (hpo report begins)", "[//]: # (hpo report ends)"  # shown nowhere
# The dashboard reads all attributes of a study at each look, so what is large is in the page alone.
PLOT_CHARACTERS = 100_000
NOTE_PIECES = 64
ROWS_AT_ONCE = 500


@dataclass
class Published:
    """What went to the dashboard; `left_out` are plots that are too large for a study's attributes.

    `page` is False where the page could not be made for want of plotly.
    """

    page: bool = False
    samples: int = 0
    plots: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        parts = ["the page and the note" if self.page else "the note (no page: no plotly here)"]
        parts.append(f"samples of {counted(self.samples, 'trial')}")
        parts.append(counted(len(self.plots), "plot"))
        left = f"; too large for the dashboard: {', '.join(self.left_out)}" * bool(self.left_out)
        return ", ".join(parts) + left


def publish(database: Database, facts: Facts, writer: Writer, folder: Path) -> Published:
    """Give the dashboard the report, each trial's samples, and the plots; files go to `folder`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HpoError(f"cannot make the folder {folder}: {error.strerror or error}") from error
    attrs = database.storage.get_study_system_attrs(facts.study_id)
    done, new = Published(), dict[str, object]()
    files = {MARKDOWN: writer.markdown()}
    if writer.has_plots():
        files[PAGE] = writer.page()
        new.update(_plots(writer, attrs, done))
        done.page = True
    for name, text in files.items():
        key = _id(facts, name)
        write_whole(folder / key, text)
        new[ARTIFACTS_ATTR_PREFIX + key] = _meta(key, name)
    new.update(_samples(facts, attrs, folder, done))
    rows = list(new.items())
    for first in range(0, len(rows), ROWS_AT_ONCE):
        some = dict(rows[first : first + ROWS_AT_ONCE])
        database.storage.write_study_attrs(facts.study_id, some)
    body = with_report(note_of(attrs, None)["body"], files[MARKDOWN])
    write_note(database.storage, facts.study_id, None, body, pieces=NOTE_PIECES)
    return done


def with_report(note: str, report: str) -> str:
    """The study's note with the report in it; what people wrote before and after it stays."""
    before, found, rest = note.partition(BEGIN)
    after = rest.partition(END)[2] if found else ""
    before = before.rstrip() + "\n\n" * bool(before.strip())
    return f"{before}{BEGIN}\n\n{report.strip()}\n\n{END}\n{after.lstrip()}"


def table(samples: Sequence[Sample]) -> str:
    """Samples as CSV, which the dashboard shows as a table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("dialogue", "generated", "reference"))
    writer.writerows(
        [hide(one) for one in (sample.fname, sample.prediction, sample.reference)]
        for sample in samples
    )
    return text.getvalue()


def _samples(
    facts: Facts, attrs: Mapping[str, object], folder: Path, done: Published
) -> dict[str, object]:
    """A table for each trial that is over and whose note has samples; those never change."""
    new = dict[str, object]()
    for trial in facts.trials:
        trial_id = trial._trial_id  # noqa: SLF001 - no public way
        samples = samples_of(note_of(attrs, trial_id)["body"]) if trial.state.is_finished() else ()
        if not samples:
            continue
        key = _id(facts, f"{SAMPLES}/{trial.number}")
        if not (folder / key).exists():
            write_whole(folder / key, table(samples))
        new[f"{DASHBOARD_ARTIFACTS_ATTR_PREFIX}{trial_id}:{key}"] = _meta(key, SAMPLES)
        done.samples += 1
    return new


def _plots(writer: Writer, attrs: Mapping[str, object], done: Published) -> dict[str, object]:
    """The plots as optuna_dashboard.save_plotly_graph_object keeps them, a shorter one blanked."""
    new = dict[str, object]()
    for key, text in writer.plots().items():
        prefix = f"{SYSTEM_ATTR_PLOT_DATA}report-{key}:"
        if len(text) > PLOT_CHARACTERS:
            done.left_out.append(key)
            continue
        new.update({old: "" for old in attrs if old.startswith(prefix)})
        new.update(split_plot_data(text, prefix))
        done.plots.append(key)
    return new


def _id(facts: Facts, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{facts.pinned.key}/{name}"))


def _meta(key: str, name: str) -> str:
    meta = {"artifact_id": key, "filename": name, "mimetype": TYPES[name], "encoding": None}
    return json.dumps(meta)
