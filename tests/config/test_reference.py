"""The page of fields: each field, option and preset value, as people would write them."""

import subprocess
import sys

import pytest

from config.load import load, preset_names
from config.reference import reference
from config.schema import Configuration


@pytest.fixture(scope="module")
def page():
    return reference()


@pytest.fixture
def row(page):
    """The cells of the first row of a heading's table that begins with this field."""

    def find(heading, field):
        part = page.split(f"# {heading}\n", 1)[1].split("\n## ", 1)[0]
        (found, *_) = [line for line in part.splitlines() if line.startswith(f"| `{field}` |")]
        return [cell.strip() for cell in found.strip("|").split(" | ")]

    return find


def test_every_field_of_every_section_has_a_row(row):
    for section, field in Configuration.model_fields.items():
        for name in getattr(field.annotation, "model_fields", ()):
            assert row(section, name)[0] == f"`{name}`"


def test_a_default_is_written_as_in_yaml(row):
    assert row("training", "learning_rate")[1] == "`5e-5`"
    assert row("training", "gradient_checkpointing")[1] == "`false`"
    assert row("general", "cpu_threads")[1] == "`null`"
    assert row("optuna", "sampler")[1] == "`{name: tpe}`"


def test_a_long_list_is_cut(row):
    assert row("preprocessing", "special_tokens")[1] == "`[#Person1#, …, #Email#]` (15)"


def test_values_are_said_in_words(row):
    assert row("training", "learning_rate")[2] == "number above 0 to 1"
    assert row("training", "warmup_ratio")[2] == "number from 0 to below 1"
    assert row("general", "cpu_threads")[2] == "whole number from 1 to 1024 or `null`"
    assert row("metric", "tokenizer")[2] == "`morpheme`, `whitespace`, `character`"
    assert row("wandb", "tags")[2] == "list of text"
    assert row("optuna", "direction")[2] == "`maximize`"


def test_the_meaning_is_the_fields_own(row):
    described = Configuration.model_fields["generation"].annotation.model_fields
    for name, field in described.items():
        assert row("generation", name)[3] == field.description


def test_a_field_without_default_is_required(row):
    assert row("general.data_path", "train")[1] == "required"


def test_options_that_several_pruners_share_stand_once(page, row):
    assert page.count("| `interval_steps` |") == 1
    assert row("optuna.pruner", "interval_steps")[1] == "`median`, `percentile`, `median+hyperband`"


def test_an_option_with_two_defaults_stands_twice(page):
    assert "| `n_startup_trials` | `tpe`, `curve_tpe`, `gp` | `10` |" in page
    assert "| `n_startup_trials` | `cmaes` | `1` |" in page


def test_each_sampler_and_pruner_says_what_it_is(page):
    for name in ("tpe", "random", "grid", "gp", "cmaes", "qmc", "median", "patient", "none"):
        assert f"\n- `{name}`: " in page


def test_presets_show_what_they_set_otherwise(row):
    assert row("Presets", "training.learning_rate")[1:] == ["`5e-5`", "`1e-5`", "`5e-3`"]
    warmup = row("Presets", "optuna.search_space.training.warmup_ratio")
    assert warmup[1:] == ["`{low: 0.0, high: 0.2}`", "", "`{low: 0.0, high: 0.2}`"]


def test_presets_leave_out_what_all_have_by_default(page):
    presets = page.split("## Presets\n", 1)[1]
    assert "metric.name" not in presets
    assert all(load(name).metric == Configuration().metric for name in preset_names())


def test_every_table_has_cells_of_its_head_only(page):
    heads = 0
    for line in page.splitlines():
        if not line.startswith("|"):
            heads = 0
            continue
        cells = line.replace("\\|", "").count("|")
        heads = heads or cells
        assert cells == heads, line


def test_the_module_prints_the_page(page):
    printed = subprocess.run(
        [sys.executable, "-m", "config.reference"], capture_output=True, check=True
    )
    assert printed.stdout.decode() == page
