import json

import optuna
import optuna_dashboard
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial
from optuna_dashboard._note import note_ver_key

from config.load import from_mapping
from hpo import study, trial_record
from hpo.notes import CURVE_ROWS, escaped, markdown, samples_of, save_note, write_note
from hpo.verdict import Verdict
from storage.retries import RETRY_OF
from trainer.evaluation import Sample

LR = "training.learning_rate"
SPACE = {LR: {"type": "float", "low": 1e-5, "high": 5e-4, "log": True}}
CONFIG = from_mapping({"optuna": {"search_space": SPACE}, "metric": {"name": "rougeL"}})
SAMPLES = (Sample("dev_3", "#Person1#은 은행에 간다.", "#Person1#은 <br> *은행*에 | 갔다."),)
PRUNED = Verdict("median", 3, 0.21, 0.25, also=(Verdict("hyperband", 3, 0.21, 0.24),))


def point(step, score):
    return {
        "step": step,
        "epoch": float(step),
        "rouge1": score,
        "rouge2": score,
        "rougeL": score,
        "rouge_combined_f1": score,
        "train_loss": 4.0 / step,
        "eval_loss": 4.5 / step,
        "learning_rate": 1e-5,
        "seconds": 1.0,
    }


def frozen(state=TrialState.COMPLETE, scores=(0.1, 0.3, 0.2), **attributes):
    curve = [point(step, score) for step, score in enumerate(scores, start=1)]
    return create_trial(
        state=state,
        value=0.3 if state is TrialState.COMPLETE else None,
        params={LR: 2.345678e-5},
        distributions={LR: optuna.distributions.FloatDistribution(1e-5, 5e-4, log=True)},
        user_attrs=attributes,
        system_attrs={trial_record.CURVE: curve},
    )


def rows(note, title):
    """The cells of the table under a heading."""
    lines = note.split(f"### {title}\n\n")[1].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_a_note_begins_with_the_trials_name_and_how_it_ended():
    note = markdown(frozen(), CONFIG)
    assert note.startswith(r"## kobart\_lr5e-5\_bs16\_ep20")
    assert "**complete**  \nbest rougeL **0.3000** at epoch 2" in note


def test_a_pruned_trials_note_says_by_which_rules():
    attributes = {trial_record.PRUNED: json.loads(json.dumps(PRUNED.as_mapping()))}
    note = markdown(frozen(TrialState.PRUNED, **attributes), CONFIG)
    assert "**pruned**: median at epoch 3: 0.2100 below 0.2500; hyperband at epoch 3" in note


def test_an_infeasible_trials_note_says_why_and_is_not_called_pruned():
    reason = "training.per_device_train_batch_size 32 does not fit in memory"
    trial = frozen(TrialState.PRUNED, scores=(0.1,), **{trial_record.INFEASIBLE: reason})
    trial.set_constraint("memory", 1.0)
    note = markdown(trial, CONFIG)
    assert r"**infeasible**: training.per\_device\_train\_batch\_size 32 does not fit" in note
    assert "pruned" not in note


def test_a_failed_trials_note_has_its_error_as_it_is():
    error = "ValueError: <script>`x`</script>"
    note = markdown(frozen(TrialState.FAIL, **{trial_record.ERROR: error}), CONFIG)
    assert r"**failed**: ValueError: \<script\>\`x\`\</script\>" in note


def test_a_retrys_note_says_whose_it_is():
    assert "retry of trial 7" in markdown(frozen(**{RETRY_OF: 7}), CONFIG)
    assert "retry" not in markdown(frozen(), CONFIG)


def test_what_was_searched_stands_first_and_once():
    note = markdown(frozen(), CONFIG)
    assert rows(note, "Searched settings") == [[f"`{LR}`", "2.34568e-05"]]
    others = dict(rows(note, "Other settings"))
    assert others["`training.num_train_epochs`"] == "20"
    assert others["`model.name`"] == "gogamza/kobart-base-v2"
    assert f"`{LR}`" not in others


def test_the_curve_has_each_evaluation_and_marks_the_best():
    table = rows(markdown(frozen(), CONFIG), "Curve")
    assert [row[0] for row in table] == ["1", "**2**", "3"]
    assert table[1] == ["**2**", "**2.0000**", "**2.2500**", *["**0.3000**"] * 4]


@pytest.mark.parametrize("count", [CURVE_ROWS, CURVE_ROWS + 1, 1000])
def test_a_long_curve_is_thinned_but_keeps_its_best(count):
    scores = [0.1] * count
    scores[count // 2 - 2] = 0.4
    table = rows(markdown(frozen(scores=scores), CONFIG), "Curve")
    assert len(table) <= CURVE_ROWS + 1
    assert f"**{count // 2 - 1}**" in [row[0] for row in table]


def test_samples_stand_beside_their_references():
    note = markdown(frozen(), CONFIG, samples=SAMPLES)
    assert "predicted: #Person1#은 은행에 간다." in note
    assert r"reference: #Person1#은 \<br\> \*은행\*에 \| 갔다." in note


def test_an_empty_prediction_is_said():
    note = markdown(frozen(), CONFIG, samples=[Sample("dev_1", "", "갔다.")])
    assert "predicted: (empty)" in note


def test_the_machine_and_why_that_precision():
    machine = {
        "device": "cpu",
        "precision": "fp32",
        "precision_reason": "no GPU",
        "cpu_threads": 2,
    }
    assert "cpu, fp32 (no GPU)" in markdown(frozen(**{trial_record.MACHINE: machine}), CONFIG)


def test_a_trial_that_failed_at_once_has_a_note_without_curve():
    note = markdown(frozen(TrialState.FAIL, scores=()), CONFIG)
    assert "### Curve" not in note
    assert "best" not in note


def test_a_curve_without_numbers_has_no_best():
    assert "best" not in markdown(frozen(scores=[float("nan")]), CONFIG)


def test_notes_are_short_whatever_is_in_them():
    """Optuna's storages hand out all notes of a study at once."""
    long = Sample("dev_1", "가나다 " * 1000, "라마바 " * 1000)
    assert len(markdown(frozen(scores=[0.1] * 500), CONFIG, samples=[long] * 10)) < 6000


@given(st.text())
def test_text_from_outside_cannot_leave_its_line_or_become_markup(text):
    shown = escaped(text)
    assert len(shown.splitlines()) <= 1
    for character in "<>`*[]|$":
        assert shown.count(character) == shown.count("\\" + character)


class TestSaving:
    @pytest.fixture
    def opened(self, database):
        study.create(database, "kobart", CONFIG, data_fingerprint="f" * 64)
        return study.open_study(database, "kobart", worker_seed=1)

    def run_trial(self, opened):
        trial = opened.ask()
        trial.suggest_float(LR, 1e-5, 5e-4, log=True)
        trial_record.keep_curve(opened._storage, trial._trial_id, [point(1, 0.3)])
        opened.tell(trial, 0.3)
        return trial

    def test_puts_the_note_where_the_dashboard_looks_for_it(self, opened):
        trial = self.run_trial(opened)
        save_note(opened, trial, samples=SAMPLES)
        saved = optuna_dashboard._note.get_note(trial)
        learning_rate = trial.params[LR]
        assert f"| `{LR}` | {learning_rate:.6g} |" in saved
        assert "#Person1#은 은행에 간다." in saved

    @pytest.mark.parametrize("length", [0, 1, 2045, 2046, 9000])
    @pytest.mark.parametrize("whose", ["a trial's", "the study's"])
    def test_the_dashboard_reads_a_note_of_any_length(self, opened, length, whose):
        of_trial = whose == "a trial's"
        trial = self.run_trial(opened)
        body = ("가나다라\n" * length)[:length]
        trial_id = trial._trial_id if of_trial else None
        write_note(opened._storage, opened._study_id, trial_id, body)
        assert optuna_dashboard._note.get_note(trial if of_trial else opened) == body

    def test_again_replaces_the_note(self, opened):
        trial = self.run_trial(opened)
        save_note(opened, trial, samples=SAMPLES * 3)
        save_note(opened, trial)
        assert "Samples" not in optuna_dashboard._note.get_note(trial)
        version = note_ver_key(trial._trial_id)
        assert opened._storage.read_study_attrs(opened._study_id, [version]) == {version: 2}

    def test_reads_no_other_trials_note(self, opened, monkeypatch):
        trial = self.run_trial(opened)
        monkeypatch.setattr(opened._storage, "get_study_system_attrs", None)
        save_note(opened, trial)
        assert len(opened._storage.find_study_attrs(opened._study_id, "dashboard:")) == 2

    def test_that_fails_is_logged_and_harms_nothing(self, opened, monkeypatch, caplog):
        def fails(*_args):
            raise OSError("database is gone")

        trial = self.run_trial(opened)
        monkeypatch.setattr(opened._storage, "write_study_attrs", fails)
        save_note(opened, trial)
        assert "the note of trial 0 could not be saved" in caplog.text
        assert "database is gone" in caplog.text


def test_samples_are_read_back_from_a_note_as_they_were_written():
    samples = (
        Sample("dev_*3*", "#Person1#은 \\ [은행]에 <간다>.", "a | b `c` $d$ ~e~ & !f _g_"),
        Sample("dev_4", "", "(empty)?"),
    )
    body = markdown(frozen(), CONFIG, samples=samples)
    assert samples_of(body) == samples
    assert samples_of("a note of somebody's") == ()
