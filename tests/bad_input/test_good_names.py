"""Study names that look dangerous and are not: each works from creation to deletion."""

from pathlib import Path

import pytest
from bad_input.study_names import GOOD
from click.testing import CliRunner
from trained_trial import trained_trial

from config.load import load
from hpo.cli import main
from storage.connect import connect
from storage.url import StorageURL


def complete_a_trial_of_each(url: str) -> None:
    with connect(StorageURL.parse(url)) as database:
        for name in GOOD:
            study_id = database.storage.get_study_id_from_name(name)
            trial = trained_trial(value=0.5)
            database.storage.create_new_trial(study_id, template_trial=trial)


def test_every_good_name_works_from_creation_to_deletion(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPO_STORAGE", database_url)

    def hpo(*words: str) -> str:
        result = CliRunner().invoke(main, words, prog_name="hpo")
        assert result.exit_code == 0, (words, result.output)
        return result.output

    for name in GOOD:
        hpo("create", f"--study={name}", "-c", "baseline", "--data", "sample:dialogues")
    complete_a_trial_of_each(database_url)
    for name in GOOD:
        if database_url.startswith("sqlite"):  # what it shows depends on no database
            assert name[:20] in hpo("status", f"--study={name}")
        assert repr(name) in hpo("best", f"--study={name}", "--export", "best.yaml")
        assert (load("best.yaml").provenance or {})["study"] == name
    listed = hpo("studies")
    assert [name for name in GOOD if name[:4] not in listed] == []
    for name in GOOD:
        hpo("delete", f"--study={name}", "--yes")
    assert "no studies yet" in hpo("studies")
    made = {path.name for path in tmp_path.iterdir()}
    assert made - {"hpo.db", "hpo.db-wal", "hpo.db-shm", "hpo.db.lock"} == {"best.yaml"}
