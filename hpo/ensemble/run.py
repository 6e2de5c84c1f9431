"""`hpo ensemble` from the study to the list: what is here, what is missing, what is worth it."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from config.counting import counted
from hpo.ensemble.choice import Choice, Wanted, choose, describe
from hpo.ensemble.kept import KeptTrial, kept_trials, write_exports
from hpo.ensemble.listing import write_list
from hpo.errors import HpoError
from hpo.launch import Machine, on_this_machine
from hpo.pinned import Pinned
from hpo.standard_output import STANDARD_OUTPUT
from storage.connect import Database
from trainer.data import read_examples

Say = Callable[[str], None]


def run_ensemble(
    database: Database,
    name: str,
    wanted: Wanted,
    *,
    among: int,
    machine: Machine,
    out: Path | None,
    exports: Path | None,
    say: Say,
) -> Choice:
    """Choose among the study's best trials whose models are here, tell, and write the list.

    Raises HpoError where no trial has completed or no model is here.
    """
    if out is not None and not out.parent.is_dir():
        raise HpoError(f"cannot write {out}: there is no folder {out.parent}")  # before the work
    pinned, config, files = on_this_machine(database, name, machine)
    trials = kept_trials(database, name, pinned, output=Path(config.general.output_dir), most=among)
    here = [each for each in trials if each.model is not None]
    _tell_missing(name, pinned, trials, exports, say)
    if not here:
        raise HpoError(_none_here(name, trials))
    examples = read_examples(files.dev, need_summary=True)
    metric = f"{config.metric.name} ({config.metric.tokenizer})"
    say(
        f"{counted(len(here), 'model')} of {name!r}, combined by {wanted.combine},"
        f" {metric} on {counted(len(examples), 'dev dialogue')}"
    )
    choice = choose(here, wanted, config, examples, say=say)
    say(_summary(choice))
    if out is not None:
        facts = choice.facts(name, config.metric.name, len(examples))
        write_list(out, choice.ensemble, facts=facts)
        if out != STANDARD_OUTPUT:
            say(f"written to {out}; next: hpo predict --models {shlex.quote(str(out))} --data FILE")
    return choice


def _tell_missing(
    name: str, pinned: Pinned, trials: Sequence[KeptTrial], exports: Path | None, say: Say
) -> None:
    missing = [each for each in trials if each.model is None]
    files = write_exports(name, pinned, missing, exports) if exports and missing else {}
    for each in missing:
        number, value = each.trial.number, each.trial.value
        file = files.get(number)
        mend = (
            f"make it again: hpo train --config {shlex.quote(str(file))}"
            f" --output {shlex.quote(str(each.folder))}"
            if file is not None
            else "copy it from the machine that trained it, or write its configuration: --exports"
        )
        say(f"trial {number} ({value:.4f}) is left out: no model in {each.folder}; {mend}")


def _none_here(name: str, trials: Sequence[KeptTrial]) -> str:
    if not trials:
        see = f"hpo status --study {shlex.quote(name)}"
        return f"study {name!r} has no completed trial yet; see: {see}"
    return (
        f"none of the best trials of {name!r} ({len(trials)}) has its model here; say with --output"
        " where this machine's workers keep them"
    )


def _summary(choice: Choice) -> str:
    first = choice.trials[choice.steps[0].members[0]].trial.number
    if choice.kept == 1:
        return f"nothing that was tried beats trial {first} alone"
    value = choice.steps[choice.kept - 1].value
    return f"{choice.kept} together {value:.4f}: over trial {first} alone {describe(choice.gain)}"
