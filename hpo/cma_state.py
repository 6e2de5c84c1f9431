"""CMA-ES whose state lies in the database as numbers, never as a pickle.

Optuna's CmaEsSampler keeps its optimizer as a pickle in the trials' attributes, and every worker
that draws loads it: whoever may write to the database could run code on every worker. Here the
state is JSON of numbers and arrays, which can be wrong and can't run. Floats keep their last digit.
"""

import json
from typing import Any, TypeAlias

import cmaes
import numpy as np
from optuna._transform import _SearchSpaceTransform
from optuna.samplers import CmaEsSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from typing_extensions import override

Optimizer: TypeAlias = cmaes.CMA | cmaes.SepCMA | cmaes.CMAwM

KINDS = {kind.__name__: kind for kind in (cmaes.CMA, cmaes.SepCMA, cmaes.CMAwM)}
DTYPES = ("float64", "int64")


class UnpickledCmaEsSampler(CmaEsSampler):
    """CmaEsSampler with `to_text` and `from_text` in the place of pickle."""

    _drawing: Optimizer

    @property
    @override
    def _attr_key_optimizer(self) -> str:
        # Not Optuna's: what stands under that one is a pickle, of whatever origin.
        return "hpo:cma"

    @override
    def _init_optimizer(self, trans: _SearchSpaceTransform, direction: StudyDirection) -> Optimizer:
        self._drawing = super()._init_optimizer(trans, direction)
        return self._drawing

    @override
    def _restore_optimizer(self, completed_trials: list[FrozenTrial]) -> Optimizer | None:
        key = self._attr_key_optimizer
        for trial in reversed(completed_trials):
            parts = {k: v for k, v in trial.system_attrs.items() if k.startswith(key)}
            if parts:
                self._drawing = from_text(self._concat_optimizer_attrs(parts))
                return self._drawing
        return None

    @override
    def _split_optimizer_str(self, optimizer_str: str) -> dict[str, str]:
        del optimizer_str  # the pickle
        return super()._split_optimizer_str(to_text(self._drawing))


def to_text(optimizer: Optimizer) -> str:
    """Write an optimizer's whole state, but for its random numbers, which are seeded anew."""
    return json.dumps(_written(optimizer), sort_keys=True)


def from_text(text: str) -> Optimizer:
    """Read what `to_text` wrote; ValueError for anything else."""
    try:
        optimizer = _read(json.loads(text))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"the state of CMA-ES in the study is damaged ({error!r})") from error
    if not isinstance(optimizer, Optimizer):
        raise ValueError("the state of CMA-ES in the study is damaged: it is no optimizer")  # noqa: TRY004 - of the text
    return optimizer


def _written(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    if isinstance(value, np.float64):
        return {"array": float(value), "dtype": "float64"}
    if isinstance(value, Optimizer):
        state = {name: _written(each) for name, each in _state(value).items()}
        return {"kind": type(value).__name__, "state": state}
    if value is None or isinstance(value, bool | int | float):
        return value
    raise TypeError(f"CMA-ES keeps a {type(value).__name__}, which is no number")


def _state(optimizer: Optimizer) -> dict[str, Any]:
    state = optimizer.__getstate__()
    return {name: value for name, value in state.items() if name != "_rng"}


def _read(value: Any) -> Any:
    if not isinstance(value, dict):
        if value is None or isinstance(value, bool | int | float):
            return value
        raise TypeError(type(value).__name__)
    if "array" in value:
        if value["dtype"] not in DTYPES:
            raise TypeError(value["dtype"])
        array = np.array(value["array"], dtype=value["dtype"])
        return array if array.ndim else array[()]
    kind = KINDS[value["kind"]]
    optimizer = kind.__new__(kind)
    state = {name: _read(each) for name, each in value["state"].items()}
    if isinstance(optimizer, cmaes.CMAwM):  # it has nothing that needs making
        optimizer.__dict__.update(state)
    else:
        optimizer.__setstate__(state)
    return optimizer
