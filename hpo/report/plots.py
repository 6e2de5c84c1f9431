"""Optuna's own plots of a study, drawn with plotly."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import optuna
from optuna.trial import TrialState
from plotly.graph_objects import Figure

from hpo.import_noise import unheard
from hpo.report.importances import importance_of, without_warnings

with unheard():  # it loads matplotlib as well, if that is here
    import optuna.visualization as visualization  # noqa: PLR0402 - Optuna's own would load it later

PLOTS: Mapping[str, tuple[str, Callable[..., Figure]]] = {
    "history": ("History", visualization.plot_optimization_history),
    "intermediate-values": ("Intermediate values", visualization.plot_intermediate_values),
    "slice": ("Slice", visualization.plot_slice),
    "parallel-coordinates": ("Parallel coordinates", visualization.plot_parallel_coordinate),
    "importances": ("Importances", visualization.plot_param_importances),
    "timeline": ("Timeline", visualization.plot_timeline),
}
OF_VALUES = ("history", "slice", "parallel-coordinates")
OF_CURVES, OF_ALL, OF_IMPORTANCES = "intermediate-values", "timeline", "importances"


@dataclass(frozen=True)
class Plot:
    """A figure as wide as its place, which is to be at least so many pixels wide."""

    title: str
    figure: Figure
    least_width: float


def plots(study: optuna.Study, metric: str) -> dict[str, Plot]:
    """Each plot that has something to show, by its id; `metric` names its axis."""
    return {
        key: _fitted(title, _drawn(key, study, metric))
        for key, (title, _) in PLOTS.items()
        if _has_data(key, study)
    }


def _drawn(key: str, study: optuna.Study, metric: str) -> Figure:
    _, draw = PLOTS[key]
    with without_warnings():
        figure = draw(study, target_name=metric) if key in OF_VALUES else draw(study)
    if key == OF_ALL:  # this machine's time, as Optuna gives it; the report's head has UTC
        figure.update_xaxes(title_text=f"Datetime (UTC{datetime.now().astimezone():%z})")
    return figure


def _has_data(key: str, study: optuna.Study) -> bool:
    trials = study.get_trials(deepcopy=False)
    if key == OF_ALL:
        return bool(trials)
    if key == OF_CURVES:
        return any(trial.intermediate_values for trial in trials)
    if key == OF_IMPORTANCES:
        return bool(importance_of(study))
    return any(trial.state is TrialState.COMPLETE for trial in trials)


def _fitted(title: str, figure: Figure) -> Plot:
    """Let the figure be as wide as its place, where Optuna gives it a width of its own."""
    least = figure.layout.width or 0.0
    figure.update_layout(title={"text": title}, margin={"t": 60, "r": 20}, width=None)
    return Plot(title, figure, least)
