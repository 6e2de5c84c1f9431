"""The dashboard in a real browser: what a team sees of a study that ran."""

import chromium
import pytest
from optuna.trial import TrialState

from config.load import from_mapping
from hpo import study, trial_record
from hpo.dashboard import running
from hpo.notes import save_note
from hpo.verdict import Verdict
from trainer.evaluation import Sample

LR = "training.learning_rate"
CONFIG = from_mapping(
    {"optuna": {"search_space": {LR: {"type": "float", "low": 1e-5, "high": 5e-4, "log": True}}}}
)
SAMPLE = Sample("dev_3", "#Person1#은 은행에 간다.", "#Person1#은 <br> 은행에 갔다.")
EPOCHS = 4


def run_trial(opened, number):
    """A trial that reports a curve; the third is pruned."""
    trial = opened.ask()
    rate = trial.suggest_float(LR, 1e-5, 5e-4, log=True)
    curve = []
    for step in range(1, EPOCHS + 1):
        score = 0.1 * number + 0.02 * step
        curve.append(
            {
                "step": step,
                "epoch": float(step),
                **dict.fromkeys(("rouge1", "rouge2", "rougeL", "rouge_combined_f1"), score),
                "train_loss": 4.0 / step,
                "eval_loss": 4.5 / step,
                "learning_rate": rate,
                "seconds": 1.0,
            }
        )
        trial.report(score, step)
    trial_record.keep_curve(opened._storage, trial._trial_id, curve)
    if number == 2:
        verdict = Verdict("median", EPOCHS, 0.2131, 0.2544)
        trial.set_user_attr(trial_record.PRUNED, verdict.as_mapping())
        opened.tell(trial, state=TrialState.PRUNED)
    else:
        opened.tell(trial, curve[-1]["rouge_combined_f1"])
    save_note(opened, trial, samples=[SAMPLE])


@pytest.fixture
def dashboard(database, browser):
    study.create(database, "kobart", CONFIG, data_fingerprint="f" * 64)
    opened = study.open_study(database, "kobart", worker_seed=1)
    for number in range(4):
        run_trial(opened, number)
    with running(database.storage, host="127.0.0.1", port=0) as url:
        yield url


def test_a_team_finds_the_study_its_trials_and_the_best_of_them(dashboard):
    with chromium.page(dashboard) as page:
        page.get_by_text("kobart").first.click()
        page.goto(f"{dashboard}/studies/1/trials")
        for number in range(4):
            page.get_by_text(f"Trial {number}", exact=True).first.wait_for()
        page.get_by_text("4 Trials").wait_for()
        assert page.get_by_text("Pruned", exact=True).count() == 1
        page.goto(f"{dashboard}/studies/1/trials?numbers=3")
        page.get_by_text("Best Trial").first.wait_for()


def test_a_trials_note_shows_reason_settings_curve_and_samples_as_they_are(dashboard):
    with chromium.page(f"{dashboard}/studies/1/trials?numbers=2") as page:
        page.get_by_text("median at epoch 4: 0.2131 below 0.2544").wait_for()
        note = page.locator("main").inner_text()
        for text in ("Searched settings", LR, "Curve", SAMPLE.prediction, SAMPLE.reference):
            assert text in note
        assert page.get_by_role("cell", name="0.2800", exact=True).count() == 4


def test_a_picture_can_be_taken_for_the_documentation(dashboard, tmp_path):
    picture = tmp_path / "dashboard.png"
    chromium.screenshot(
        f"{dashboard}/studies/1/trials",
        picture,
        lambda page: page.get_by_text("Trial 3", exact=True).first.wait_for(),
    )
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000


def test_a_read_only_page_works_whole_says_so_and_deletes_nothing(dashboard):
    """Every page of the study under our Content-Security-Policy, in a real browser."""
    said = []
    with chromium.page(dashboard) as page:
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        for path in ("", "/analytics", "/trials?numbers=3", "/note", "/trialTable"):
            page.goto(f"{dashboard}/studies/1{path}")
            page.get_by_text("Read-only: nothing can be changed here").wait_for()
            page.wait_for_load_state("networkidle")
        assert said == []
        page.goto(dashboard)
        page.get_by_label("delete study").first.click()
        page.get_by_role("button", name="Yes").click()
        page.get_by_text("Failed to delete study").wait_for()
        page.reload()
        page.get_by_text("kobart").first.wait_for()
    assert any("this dashboard is read-only" in line for line in said)
    assert not [line for line in said if "Content Security Policy" in line]
