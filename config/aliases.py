"""The spellings of the teams' guide, brought to those of the schema.

Done on every layer before it is merged, so that `fp16: true` in a file replaces the preset's
`precision`.
"""

from __future__ import annotations

from collections.abc import Mapping

from config.errors import ConfigError

SAMPLERS = {
    "tpesampler": "tpe",
    "randomsampler": "random",
    "gridsampler": "grid",
    "gpsampler": "gp",
    "cmaessampler": "cmaes",
    "cma-es": "cmaes",
    "qmcsampler": "qmc",
    "bayes": "tpe",
}
PRUNERS = {
    "extrapolationpruner": "extrapolation",
    "medianpruner": "median",
    "hyperbandpruner": "hyperband",
    "hyperband+median": "median+hyperband",
    "successivehalvingpruner": "successive_halving",
    "asha": "successive_halving",
    "percentilepruner": "percentile",
    "patientpruner": "patient",
    "noppruner": "none",
}
HALF_PRECISION = ("fp16", "bf16")


def plain_spelling(layer: Mapping[str, object]) -> dict[str, object]:
    """Give the layer in the schema's own spelling; raises ConfigError on contradictions."""
    # An empty section (`training:` and nothing below) says nothing.
    plain = {key: value for key, value in layer.items() if value is not None}
    training, optuna = plain.get("training"), plain.get("optuna")
    if isinstance(training, Mapping):
        plain["training"] = _precision(training)
    if isinstance(optuna, Mapping):
        search = dict(optuna)
        if "metric" in search:
            plain["metric"] = _metric(search.pop("metric"), plain.get("metric", {}))
        for key, names in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
            if key in search:
                search[key] = _named(search[key], names)
        plain["optuna"] = search
    return plain


def _precision(training: Mapping[str, object]) -> dict[str, object]:
    """Read `fp16: true` and `bf16: true`; false alone means full precision, as in the Trainer."""
    plain = {key: value for key, value in training.items() if key not in HALF_PRECISION}
    given = {key: training[key] for key in HALF_PRECISION if training.get(key) is not None}
    if not given:
        return plain
    for key, value in given.items():
        if not isinstance(value, bool):
            raise ConfigError(
                f"training.{key}: {value!r} is not true or false; "
                "write one of them, or training.precision"
            )
    wanted = [key for key, value in given.items() if value]
    if len(wanted) > 1:
        raise ConfigError("training.fp16: true together with bf16: true; keep one of them")
    precision = wanted[0] if wanted else "fp32"
    if plain.setdefault("precision", precision) != precision:
        key = next(iter(given))
        raise ConfigError(
            f"training.precision: {plain['precision']!r} contradicts {key}: "
            f"{str(given[key]).lower()}; keep one of them"
        )
    return plain


def _metric(name: object, metric: object) -> object:
    """Read `optuna.metric: rougeL` as `metric.name: rougeL`."""
    if not isinstance(metric, Mapping):
        return metric
    if metric.get("name", name) != name:
        raise ConfigError(
            f"optuna.metric: {name!r} contradicts metric.name: {metric['name']!r}; keep one of them"
        )
    return {**metric, "name": name}


def _named(value: object, names: Mapping[str, str]) -> object:
    """Read `MedianPruner` or `median` as `{name: median}`."""
    if value is None:
        return {"name": "none"} if "none" in names.values() else value
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, Mapping):
        return value
    plain = dict(value)
    if isinstance(value.get("name"), str):
        lowered = value["name"].strip().lower()
        plain["name"] = names.get(lowered, lowered)
    if "wrapped_pruner" in value and value["wrapped_pruner"] is not None:
        plain["wrapped_pruner"] = _named(value["wrapped_pruner"], names)
    return plain
