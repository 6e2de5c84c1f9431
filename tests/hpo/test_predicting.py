"""`hpo predict`: the two forms of its file, and when there is none."""

import csv
import io
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from small_training import small_config, write_dialogues

import hpo.predicting
from hpo.cli import main
from hpo.ensemble.listing import Ensemble, write_list
from hpo.errors import HpoError
from hpo.predicting import write_combined, write_predictions
from hpo.training import train_once
from trainer.errors import DataError, SubmissionError, TrainerError
from trainer.submission import Prediction

SUMMARIES = ("#Person1#은 기쁘다. 그리고", '"네", 그는\n말했다.', "")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dialogues(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def model(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    config = small_config(data, folder / "outputs", num_train_epochs=1)
    console = Console(file=io.StringIO())
    train_once(config, folder / "model", overwrite=False, console=console)
    return folder / "model"


@pytest.fixture
def predicted(data: Path, monkeypatch: pytest.MonkeyPatch) -> list[Prediction]:
    """What the model is made to say of the test file."""
    predictions = [
        Prediction(fname, summary)
        for fname, summary in zip(names(data / "test.csv"), SUMMARIES, strict=True)
    ]
    monkeypatch.setattr(hpo.predicting, "predict", lambda *_, **__: predictions)
    return predictions


def names(path: Path) -> list[str]:
    return [row["fname"] for row in rows(path)]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_model_summarizes_every_dialogue_in_order(
    model: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    assert write_predictions(model, data / "test.csv", out, submission=False) == 3
    assert names(out) == names(data / "test.csv")
    assert out.read_text(encoding="utf-8").startswith("fname,summary\n")


def test_batch_size_and_beams_may_be_others(model: Path, data: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    write_predictions(model, data / "test.csv", one, submission=False)
    write_predictions(model, data / "test.csv", other, submission=False, batch_size=1)
    assert one.read_bytes() == other.read_bytes()
    beams = write_predictions(model, data / "test.csv", other, submission=False, num_beams=2)
    assert beams == 3


@pytest.mark.usefixtures("predicted")
def test_the_csv_gives_summaries_as_they_are(model: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    write_predictions(model, data / "test.csv", out, submission=False)
    assert [row["summary"] for row in rows(out)] == list(SUMMARIES)


@pytest.mark.usefixtures("predicted")
def test_a_submission_has_an_index_and_final_summaries(
    model: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    assert write_predictions(model, data / "test.csv", out, submission=True) == 3
    assert out.read_text(encoding="utf-8").startswith(",fname,summary\n")
    assert [row[""] for row in rows(out)] == ["0", "1", "2"]
    assert names(out) == names(data / "test.csv")
    assert rows(out)[0]["summary"] == "#Person1#은 기쁘다."


def test_a_submission_that_does_not_fit_is_refused_and_nothing_written(
    model: Path, data: Path, tmp_path: Path, predicted: list[Prediction]
) -> None:
    out = tmp_path / "out.csv"
    predicted.reverse()
    with pytest.raises(SubmissionError, match="order is not the test file's"):
        write_predictions(model, data / "test.csv", out, submission=True)
    predicted.pop()
    with pytest.raises(SubmissionError, match="2 predictions for 3 test dialogues"):
        write_predictions(model, data / "test.csv", out, submission=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("submission", [False, True])
def test_a_failure_leaves_an_older_file_as_it_was(
    model: Path, data: Path, tmp_path: Path, submission: bool
) -> None:
    out = tmp_path / "out.csv"
    out.write_text("the old one", encoding="utf-8")
    with pytest.raises(DataError, match="nowhere"):
        write_predictions(model, tmp_path / "nowhere.csv", out, submission=submission)
    with pytest.raises(TrainerError, match="holds no model"):
        write_predictions(data, data / "test.csv", out, submission=submission)
    assert out.read_text(encoding="utf-8") == "the old one"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize("submission", [False, True])
def test_a_folder_that_is_missing_is_found_out_before_the_work(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, submission: bool
) -> None:
    def never(*_: object, **__: object) -> list[Prediction]:
        raise AssertionError("predicted in vain")

    monkeypatch.setattr(hpo.predicting, "predict", never)
    with pytest.raises(HpoError, match="there is no folder"):
        write_predictions(
            tmp_path, data / "test.csv", tmp_path / "no" / "out.csv", submission=submission
        )


def test_several_models_say_one_summary_each_as_the_command_line_has_it(
    model: Path, data: Path, tmp_path: Path
) -> None:
    alone, together = tmp_path / "alone.csv", tmp_path / "together.csv"
    common = ["--data", str(data / "test.csv"), "--submission", "--out"]
    run("predict", "--model", str(model), *common, str(alone))
    for words in (
        ["--models", str(model), str(model), "--combine", "logits"],
        ["--combine", "mbr", "--models", str(model), str(model), str(model)],
        ["--combine", "mbr", "--models", str(model), "--num-beams", "2", "--candidates", "2"],
    ):
        assert run("predict", *words, *common, str(together)).startswith("3 summaries written")
        assert names(together) == names(data / "test.csv")
        if "--num-beams" not in words:
            assert together.read_bytes() == alone.read_bytes()
    write_list(tmp_path / "list.json", Ensemble((model, model), "logits"), facts={})
    run("predict", "--models", str(tmp_path / "list.json"), *common, str(together))
    assert together.read_bytes() == alone.read_bytes()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "give either --model DIR or --models"),
        (["--model", "m", "--models", "m", "m"], "give either --model DIR or --models"),
        (["--model", "m", "--combine", "mbr"], "are for --models"),
        (["--models", "m", "n"], "say how the models are combined"),
        (["--models", "m", "n", "--combine", "votes"], "votes"),
    ],
)
def test_a_command_line_that_cannot_be_meant_is_refused(words: list[str], says: str) -> None:
    result = CliRunner().invoke(main, ["predict", *words, "--data", "d.csv", "--out", "o.csv"])
    assert result.exit_code == 2
    assert says in result.output


@pytest.mark.parametrize("form", [[], ["--submission"]], ids=["plain", "submission"])
def test_the_dialogues_are_not_written_over(
    model: Path, data: Path, tmp_path: Path, form: list[str]
) -> None:
    test = tmp_path / "test.csv"
    test.write_bytes((data / "test.csv").read_bytes())
    (tmp_path / "link.csv").symlink_to(test)
    words = ["--model", str(model), "--data", str(test), "--out", str(tmp_path / "link.csv")]
    refused = CliRunner().invoke(main, ["predict", *words, *form])
    assert refused.exit_code == 2
    assert "is the data file itself" in refused.output
    assert test.read_bytes() == (data / "test.csv").read_bytes()


def test_a_member_that_is_no_model_is_named_and_nothing_written(
    model: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    for combine in ("logits", "mbr"):
        with pytest.raises(TrainerError, match="nowhere holds no model"):
            write_combined(
                [model, tmp_path / "nowhere"],
                data / "test.csv",
                out,
                combine=combine,
                submission=False,
            )
    assert not out.exists()


def run(*words: str) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return result.output
