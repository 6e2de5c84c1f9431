"""The list of an ensemble's models: JSON that `hpo ensemble` writes and `hpo predict` reads."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from hpo.errors import HpoError, WrongInput
from hpo.standard_output import STANDARD_OUTPUT
from hpo.whole_file import write_whole
from trainer.ensemble import Combination

COMBINATIONS = ("logits", "mbr")


@dataclass(frozen=True)
class Ensemble:
    """Models and how they are combined; `candidates` is how many summaries each gives for mbr."""

    models: tuple[Path, ...]
    combine: Combination
    candidates: int = 1


def chosen(models: Sequence[Path], *, combine: str | None, candidates: int | None) -> Ensemble:
    """The ensemble that a command line names: folders, or one list whose words it may replace.

    Raises WrongInput where it is not said how folders are to be combined.
    """
    if len(models) == 1 and models[0].is_file():
        listed = read_list(models[0])
        combine = combine or listed.combine
        candidates = candidates or (listed.candidates if combine == "mbr" else None)
        models = listed.models
    if combine is None:
        raise WrongInput("say how the models are combined: --combine logits or --combine mbr")
    if combine == "logits" and candidates is not None:
        raise WrongInput("--candidates is for --combine mbr; logits make one summary")
    return Ensemble(tuple(models), cast("Combination", combine), candidates or 1)


def read_list(path: Path) -> Ensemble:
    """Read a list; its folders count from where it lies. Raises HpoError where it is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        models = tuple(path.parent / str(name) for name in found["models"])
        combine, candidates = found["combine"], int(found.get("candidates", 1))
    except OSError as error:
        raise HpoError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HpoError(f"{path} is no list of models; hpo ensemble --out writes one") from error
    if combine not in COMBINATIONS or not models or candidates < 1:
        raise HpoError(f"{path} is no list of models; hpo ensemble --out writes one")
    return Ensemble(models, combine, candidates)


def write_list(path: Path, ensemble: Ensemble, *, facts: Mapping[str, object]) -> None:
    """Write a list, with `facts` for people to read; folders beside or below it by relative path.

    So the list may be moved together with its models. Where standard output goes nobody knows: full
    paths are written there.
    """
    here = None if path == STANDARD_OUTPUT else path.parent.resolve()
    models = [folder.resolve() for folder in ensemble.models]
    names = [
        os.path.relpath(each, here) if here and each.is_relative_to(here) else str(each)
        for each in models
    ]
    whole = {
        "combine": ensemble.combine,
        "candidates": ensemble.candidates,
        "models": names,
        **facts,
    }
    write_whole(path, json.dumps(whole, ensure_ascii=False, indent=2) + "\n")
