"""Optuna's own plots of a study, drawn with plotly."""

from collections.abc import Callable, Mapping

import optuna
from optuna import visualization
from optuna.trial import TrialState
from plotly.graph_objects import Figure

from hpo.report.importances import importance_of

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


def figures(study: optuna.Study, metric: str) -> dict[str, tuple[str, Figure]]:
    """Each plot that has something to show, by its id, with its title; `metric` names its axis."""
    return {
        key: (title, _without_title(_drawn(key, study, metric)))
        for key, (title, _) in PLOTS.items()
        if _has_data(key, study)
    }


def _drawn(key: str, study: optuna.Study, metric: str) -> Figure:
    _, draw = PLOTS[key]
    return draw(study, target_name=metric) if key in OF_VALUES else draw(study)


def _has_data(key: str, study: optuna.Study) -> bool:
    trials = study.get_trials(deepcopy=False)
    if key == OF_ALL:
        return bool(trials)
    if key == OF_CURVES:
        return any(trial.intermediate_values for trial in trials)
    if key == OF_IMPORTANCES:
        return bool(importance_of(study))
    return any(trial.state is TrialState.COMPLETE for trial in trials)


def _without_title(figure: Figure) -> Figure:
    """Leave the title to the page's heading, and the room to the plot."""
    figure.update_layout(title=None, margin={"t": 30, "r": 20}, autosize=True)
    return figure
