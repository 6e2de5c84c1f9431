"""W&B sweep files as configurations: what is taken over, and what is named with its line."""

from pathlib import Path

import pytest
import yaml

from config.errors import SourceError
from config.load import load
from config.sweep.importing import import_sweep
from config.sweep.text import study_text

SWEEPS = Path(__file__).parent / "sweeps"
FILES = sorted(SWEEPS.glob("*.yaml"))
LR = "training.learning_rate"
BATCH = "training.per_device_train_batch_size"
EPOCHS = "training.num_train_epochs"

# The lines of each file that have no equivalent; none for a file that is taken over wholly.
LEFT = {
    "bells": [6, 7, 8, 9, 10],
    "nested": [],
    "other_program": [3, 5, 5, 5, 7, 8, 9, 10, 11, 12, 13, 14],
    "probabilities": [5, 8],
    "rounded": [5, 6, 7, 8],
}


@pytest.fixture
def sweep(tmp_path):
    """Imports a sweep written out, under `method: random` where it says no method."""

    def make(text, **how):
        path = tmp_path / "sweep.yaml"
        path.write_text(text if "method:" in text else f"method: random\n{text}", encoding="utf-8")
        return import_sweep(path, **how)

    return make


def written(imported, path, tmp_path, **how):
    out = tmp_path / "study.yaml"
    out.write_text(study_text(imported, path, **how), encoding="utf-8")
    return out


def test_there_are_the_guides_sweep_and_ten_others():
    assert "guide" in {path.stem for path in FILES}
    assert len(FILES) >= 11


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_written_loads_to_what_was_imported_and_names_the_rest(path, tmp_path):
    imported = import_sweep(path)
    assert [one.place.line for one in imported.left] == LEFT.get(path.stem, [])
    out = written(imported, path, tmp_path)
    assert load(str(out)) == imported.config
    text = out.read_text(encoding="utf-8")
    assert all(f"#   line {one.place.line}: " in text for one in imported.left)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_of_a_sweep_is_dropped(path):
    """Every parameter is a setting, an entry, or named."""
    imported = import_sweep(path)
    optuna = imported.layer["optuna"]
    said = " ".join(map(str, (*imported.left, *imported.notes)))
    for name in yaml.safe_load(path.read_text())["parameters"]:
        fields = [
            *optuna["search_space"],
            *(f"{s}.{f}" for s in imported.layer for f in imported.layer[s]),
        ]
        assert name in said or any(name in field.split(".") or name == field for field in fields)


def test_the_guides_sweep():
    imported = import_sweep(SWEEPS / "guide.yaml")
    config = imported.config
    assert imported.layer["optuna"]["search_space"] == {
        LR: {"low": 1e-6, "high": 1e-4, "log": True},
        BATCH: {"choices": [8, 16, 32, 64]},
    }
    assert config.metric.name == "rouge_combined_f1"
    assert config.optuna.sampler.name == "tpe"
    assert config.optuna.pruner.name == "successive_halving"
    assert (config.optuna.pruner.min_resource, config.optuna.pruner.reduction_factor) == (3, 3)


def test_a_grid_takes_every_combination_and_a_cap_cuts_it(sweep):
    assert import_sweep(SWEEPS / "grid_of_lists.yaml").config.optuna.n_trials == 12
    capped = sweep("method: grid\nrun_cap: 2\nparameters: {num_beams: {values: [1, 2, 4]}}")
    assert capped.config.optuna.n_trials == 2
    assert "in order" in str(capped.notes[0])


def test_settings_of_a_sweep_go_into_their_sections():
    config = import_sweep(SWEEPS / "nested.yaml").config
    assert (config.wandb.project, config.wandb.entity) == ("dialogue-summarization", "nlp-team-5")
    assert config.wandb.notes == "what the encoder sees"
    assert (config.metric.name, config.optuna.stop.target) == ("rougeL", 0.49)
    assert config.optuna.n_trials == 25
    assert config.training.weight_decay == 0.01
    assert config.optuna.search_space["training.precision"].choices == ("fp16", "fp32")


def test_the_nearest_is_taken_when_asked_for():
    exact = import_sweep(SWEEPS / "rounded.yaml")
    near = import_sweep(SWEEPS / "rounded.yaml", take_nearest=True)
    assert not exact.config.optuna.search_space
    assert not near.left
    assert near.layer["optuna"]["search_space"][EPOCHS] == {"low": 10, "high": 30, "step": 5}
    assert "the nearest is taken" in str(near.notes[1])


def test_what_has_nothing_near_stays_named_also_then():
    near = import_sweep(SWEEPS / "other_program.yaml", take_nearest=True)
    assert [one.place.line for one in near.left] == [3, 5, 5, 5, 7, 8, 9, 10, 12, 13]
    assert near.config.optuna.pruner.name == "successive_halving"


def test_a_base_gives_what_the_sweep_leaves_out(tmp_path):
    base = tmp_path / "base.yaml"
    base.write_text("training: {num_train_epochs: 40}\nmetric: {name: rouge2}\n")
    path = SWEEPS / "quantised_grid.yaml"
    imported = import_sweep(path, base=str(base))
    assert imported.config.metric.name == "rouge2"
    assert load(str(written(imported, path, tmp_path, base=str(base)))) == imported.config


def test_a_base_decides_how_long_a_trial_is(tmp_path):
    base = tmp_path / "base.yaml"
    base.write_text("training: {num_train_epochs: 40}\n")
    halving = import_sweep(SWEEPS / "guide.yaml", base=str(base))
    assert "3, 9, 27" in str(halving.notes[-1])
    short = import_sweep(SWEEPS / "guide.yaml", base="demo")
    assert short.config.optuna.pruner.name == "successive_halving"


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("lr", LR),
        ("learning_rate", LR),
        ("training.learning_rate", LR),
        ("training.lr", LR),
        ("max_grad_norm", "training.max_grad_norm"),
        ("generation.length_penalty", "generation.length_penalty"),
    ],
)
def test_a_parameter_finds_its_field(sweep, name, field):
    imported = sweep(f"parameters: {{{name}: {{min: 0.01, max: 0.1}}}}")
    assert list(imported.config.optuna.search_space) == [field]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("warmup_steps", "did you mean training.warmup_ratio?"),
        ("optimizer.lr", "did you mean training.learning_rate?"),
        ("learning_rates", "did you mean training.learning_rate?"),
        ("n_layers_of_my_own", "leave it out"),
        ("model", "hpo has no such field"),
    ],
)
def test_a_parameter_that_is_not_ours_is_named_with_the_remedy(sweep, name, says):
    (left,) = sweep(f"parameters:\n  {name}: {{min: 0.01, max: 0.1}}").left
    assert left.place.line == 3
    assert says in left.reason


def test_one_value_is_a_setting_also_when_it_is_drawn(sweep):
    imported = sweep("parameters: {num_beams: {distribution: q_uniform, min: 3.6, max: 4.4}}")
    assert imported.config.generation.num_beams == 4
    assert not imported.config.optuna.search_space


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("rougeL", "rougeL"),
        ("eval_rougeL", "rougeL"),
        ("val/rouge_l_f1", "rougeL"),
        ("ROUGE-1", "rouge1"),
        ("rouge2_fmeasure", "rouge2"),
        ("rouge_combined", "rouge_combined_f1"),
    ],
)
def test_metrics_are_known_by_their_usual_names(sweep, name, ours):
    text = f"metric: {{name: {name}, goal: maximize}}\nparameters: {{num_beams: {{value: 2}}}}"
    assert sweep(text).config.metric.name == ours


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        ("{name: rougeL}", "no goal, which W&B takes as minimize"),
        ("{name: rougeL, goal: minimize}", "more is better"),
        ("{name: loss, goal: maximize}", "write one of rouge1"),
        ("{name: rougeLsum, goal: maximize}", "does not maximize 'rougeLsum'"),
        ("{name: rougeL, goal: maximize, target: 48}", "from 0 to 1"),
        ("{name: rougeL, goal: maximize, impute: best}", "failed"),
    ],
)
def test_what_of_a_metric_has_no_equivalent_is_named(sweep, metric, says):
    (left,) = sweep(f"metric: {metric}\nparameters: {{num_beams: {{value: 2}}}}").left
    assert left.place.line == 2
    assert says in left.reason


def test_a_mistake_is_refused_with_file_and_line(sweep):
    with pytest.raises(SourceError, match=r"sweep\.yaml: line 3: parameters\.lr: min 2 is not"):
        sweep("parameters:\n  lr: {min: 2, max: 1}\n")
