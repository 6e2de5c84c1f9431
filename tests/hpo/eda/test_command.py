"""`hpo eda`: what it writes and says, for all kinds of folders, and what it refuses."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from hpo import extras
from hpo.cli import main
from hpo.eda import fonts

DIALOGUE = "#Person1#: 은행에 갈까요?\n#Person2#: 네, 은행에서 만나요."


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run_it(*words):
        return CliRunner().invoke(main, ("eda", "--config", "demo", *words), prog_name="hpo")

    return run_it


def test_the_sample_data_becomes_a_page_and_the_same_as_json(run, tmp_path, font):
    result = run("--out", "page.html", "--json", "data.json")
    assert result.exit_code == 0, result.output
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    data = json.loads((tmp_path / "data.json").read_text(encoding="utf-8"))
    assert "page written to page.html" in result.stdout
    assert [each["dialogues"] for each in data["sizes"]] == [240, 60, 20]
    assert data["findings"]
    for finding in data["findings"]:
        assert f"{'look' if finding['look'] else 'fine'}: {finding['text']}" in result.stdout
    assert page.count("data:image/png;base64,") == 2
    for lengths in data["lengths"]:
        assert f"{lengths['distribution']['most']:,}" in page
    for terms in data["terms"]:
        assert all(f">{each['word']}<" in page for each in terms["terms"])


def test_train_alone_in_jsonl_without_topics_or_a_font_will_do(run, tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "_candidates", lambda: iter(()))
    (tmp_path / "d").mkdir()
    rows = [{"fname": name, "dialogue": DIALOGUE} for name in "ab"]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "d" / "train.jsonl").write_text(text, encoding="utf-8")
    result = run("--data", "d")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("warning: no word clouds: no font with Korean letters is here") == 1
    assert "look: 2 dialogues of train have no summary" in result.stdout
    assert "look: There is no dev file" in result.stdout
    assert "fine: No dialogue names a topic." in result.stdout
    assert "Duplicates and leaks" in (tmp_path / "eda.html").read_text(encoding="utf-8")


def test_a_missing_extra_is_one_line_and_exit_2(run, tmp_path, monkeypatch):
    there = extras.find_spec
    monkeypatch.setattr(
        extras, "find_spec", lambda name: None if name == "wordcloud" else there(name)
    )
    result = run()
    assert result.exit_code == 2
    assert "hpo eda needs wordcloud; install them: pip install 'hpo[eda]'" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("--out", "a", "--json", "./a"), 2, "both name"),
        (("--data", "d", "--out", "d/train.csv"), 2, "is a data file"),
        (("--out", "none/page.html"), 1, "there is no folder none"),
        (("--font", "d/train.csv"), 2, "no font with Korean letters"),
        (("--font", "none.ttf"), 2, "none.ttf"),
        (("--near", "2"), 2, "--near"),
        (("--data", "none"), 1, "there is no folder none"),
        (("--data", "x" * 300), 1, "cannot be used"),
        (("--data", "empty"), 1, "no train.csv"),
        (("-o", "model.name=./none"), 1, "./none"),
    ],
)
def test_what_cannot_work_is_refused_and_nothing_is_written(run, tmp_path, words, status, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "train.csv").write_text("fname,dialogue\na,hello\n")
    before = sorted(tmp_path.rglob("*"))
    result = run(*words)
    assert result.exit_code == status, result.output
    assert says in result.stderr.splitlines()[-1]
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "d" / "train.csv").read_text() == "fname,dialogue\na,hello\n"


def test_bad_data_is_told_before_anything_large_is_loaded(tmp_path):
    """Else the message comes after ten seconds of imports."""
    code = (
        "import sys\n"
        "from hpo.cli import main\n"
        "main(['eda', '--data', 'none', '--config', 'demo'], standalone_mode=False)\n"
    )
    watched = (
        "import atexit, sys\n"
        "large = ('torch', 'transformers', 'sklearn', 'matplotlib', 'kiwipiepy')\n"
        "atexit.register(lambda: print([name for name in large if name in sys.modules]))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", watched + code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "there is no folder none" in told.stderr
    assert told.stdout == "[]\n"


def test_nothing_is_heard_of_a_home_that_matplotlib_cannot_write_to(tmp_path):
    (tmp_path / "home").touch()
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "train.csv").write_text(f"fname,dialogue\na,{DIALOGUE.splitlines()[0]}\n")
    told = subprocess.run(
        [sys.executable, "-m", "hpo", "eda", "--config", "demo", "--data", "d"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    said = [line for line in told.stderr.splitlines() if not line.endswith(" ...")]
    assert [line for line in said if not line.startswith("warning: no word clouds")] == []
