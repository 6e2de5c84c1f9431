"""Draws from an imported space are those that W&B defines (Kolmogorov-Smirnov)."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from optuna.samplers import RandomSampler
from scipy import stats

from config.sweep.importing import import_sweep
from hpo.suggest import distribution

SWEEPS = Path(__file__).parent.parent / "config" / "sweeps"
DRAWS = 1500  # of Optuna; W&B's definition is drawn from more often, for it costs nothing
DEFINED = 20_000
SMALLEST_P = 0.01
SAMPLES = np.random.default_rng(7)

# Definitions as W&B documents them: what a uniform `u` of 0 to 1 is turned into.
WANDB = {
    "uniform": lambda u, p: p["min"] + u * (p["max"] - p["min"]),
    "int_uniform": lambda u, p: np.floor(p["min"] + u * (p["max"] + 1 - p["min"])),
    "q_uniform": lambda u, p: rounded(WANDB["uniform"](u, p), p),
    "log_uniform": lambda u, p: np.exp(WANDB["uniform"](u, p)),
    "log_uniform_values": lambda u, p: np.exp(WANDB["uniform"](u, logarithms(p))),
    "q_log_uniform": lambda u, p: rounded(WANDB["log_uniform"](u, p), p),
    "q_log_uniform_values": lambda u, p: rounded(WANDB["log_uniform_values"](u, p), p),
    "inv_log_uniform": lambda u, p: 1 / np.exp(WANDB["uniform"](u, p)),
    "inv_log_uniform_values": lambda u, p: 1 / np.exp(WANDB["uniform"](u, inverses(p))),
    "beta": lambda u, p: stats.beta.ppf(u, p.get("a", 1), p.get("b", 1)),
    "categorical": lambda u, p: np.searchsorted(np.cumsum(odds(p)), u),
}
FIELDS = {"epochs": "num_train_epochs", "batch_size": "per_device_train_batch_size"}


def rounded(values, parameter):
    return np.round(values / parameter.get("q", 1)) * parameter.get("q", 1)


def logarithms(parameter):
    return {end: np.log(parameter[end]) for end in ("min", "max")}


def inverses(parameter):
    return {"min": np.log(1 / parameter["max"]), "max": np.log(1 / parameter["min"])}


def odds(parameter):
    return parameter.get("probabilities", [1 / len(parameter["values"])] * len(parameter["values"]))


def defined(parameter):
    """Draws as W&B defines them; places in the list for values."""
    u = SAMPLES.uniform(size=DEFINED)
    if "values" in parameter:
        return WANDB["categorical"](u, parameter)
    whole = all(isinstance(parameter.get(end), int) for end in ("min", "max"))
    name = parameter.get("distribution", "int_uniform" if whole else "uniform")
    return WANDB[name](u, parameter)


def drawn(entry, parameter):
    """Draws of Optuna from the imported entry, in the same terms."""
    sampler, found = RandomSampler(seed=3), distribution(entry)
    values = [sampler.sample_independent(None, None, "x", found) for _ in range(DRAWS)]
    if "values" not in parameter:
        return np.array(values)
    return np.array([as_written(parameter).index(value) for value in values])


def as_written(parameter):
    """PyYAML reads 1e-5 as text, W&B's users and ours mean a number."""
    return [float(one) if str(one).startswith("1e") else one for one in parameter["values"]]


def parameters(section):
    for name, parameter in section.items():
        if "parameters" in parameter:
            yield from parameters(parameter["parameters"])
        elif "value" not in parameter:
            yield name.rsplit(".", maxsplit=1)[-1], parameter


def p_value(entry, parameter):
    return stats.ks_2samp(drawn(entry, parameter), defined(parameter), method="asymp").pvalue


@pytest.mark.parametrize(
    ("file", "count"),
    [
        ("guide", 2),
        ("random_without_distributions", 4),
        ("exponents", 3),
        ("half_way_steps", 4),
        ("probabilities", 2),
        ("bells", 1),
    ],
)
def test_an_imported_space_is_drawn_from_as_wandb_does(file, count):
    path = SWEEPS / f"{file}.yaml"
    space = import_sweep(path).config.optuna.search_space
    entries = {field.rsplit(".", maxsplit=1)[-1]: entry for field, entry in space.items()}
    compared = {}
    for name, parameter in parameters(yaml.safe_load(path.read_text())["parameters"]):
        entry = entries.get(FIELDS.get(name, name))
        if entry is not None:
            compared[name] = p_value(entry, parameter)
    assert len(compared) == len(space) == count
    assert min(compared.values()) > SMALLEST_P, compared


@pytest.mark.parametrize(
    ("name", "field"),
    [("epochs", "training.num_train_epochs"), ("warmup_ratio", "training.warmup_ratio")],
)
def test_what_was_called_unlike_is_drawn_otherwise(name, field):
    """A q_uniform's ends are half as likely: the nearest entry is told from it."""
    path = SWEEPS / "rounded.yaml"
    entry = import_sweep(path, take_nearest=True).config.optuna.search_space[field]
    parameter = yaml.safe_load(path.read_text())["parameters"][name]
    assert p_value(entry, parameter) < 1e-4
