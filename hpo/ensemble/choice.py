"""What `hpo ensemble` does: find a study's models, add them one by one, tell and write the list."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from config.schema import Configuration
from hpo.ensemble.certainty import Gain, gain_of, single_held_out, total
from hpo.ensemble.forward import Scores, Step, forward
from hpo.ensemble.kept import KeptTrial
from hpo.ensemble.listing import Ensemble
from hpo.ensemble.scoring import LogitScoring, RiskScoring
from trainer.data import Example
from trainer.ensemble import Combination


@dataclass(frozen=True)
class Wanted:
    """How members are combined, how many at most, and the summaries each gives for mbr."""

    combine: Combination
    top: int
    candidates: int = 1


@dataclass(frozen=True, eq=False)
class Choice:
    """The additions in their order, over these trials; `kept` is how many of them are worth it."""

    trials: Sequence[KeptTrial]
    steps: list[Step]
    wanted: Wanted

    @property
    def kept(self) -> int:
        """The number of members with the highest score, the fewest of equals."""
        values = [step.value for step in self.steps]
        return values.index(max(values)) + 1

    @property
    def ensemble(self) -> Ensemble:
        """The members worth keeping."""
        members = self.steps[self.kept - 1].members
        folders = [self.trials[number].model for number in members]
        models = tuple(folder for folder in folders if folder is not None)
        return Ensemble(models, self.wanted.combine, self.wanted.candidates)

    @property
    def gain(self) -> Gain:
        """What the kept members after the first add together."""
        return total(self.steps[: self.kept])

    def facts(self, study: str, metric: str, dialogues: int) -> dict[str, object]:
        """What people want to read in the list."""
        return {
            "study": study,
            "metric": metric,
            "dev_dialogues": dialogues,
            "score": self.steps[self.kept - 1].value,
            "steps": [
                {
                    "trial": self.trials[step.members[-1]].trial.number,
                    "score": step.value,
                    "gain": None if gain is None else {**asdict(gain), "clear": gain.is_clear},
                }
                for step, gain in ((step, gain_of(step)) for step in self.steps)
            ],
        }


def choose(
    trials: Sequence[KeptTrial],
    wanted: Wanted,
    config: Configuration,
    examples: Sequence[Example],
    *,
    say: Callable[[str], None],
) -> Choice:
    """Add trials' models one by one; all have to be here. `say` is told of each as it is found."""
    score_of = _scoring(trials, wanted, config, examples)
    steps = []
    for step in forward(len(trials), score_of, most=wanted.top):
        steps.append(step)
        say(_line(step, trials))
    return Choice(trials, steps, wanted)


def _scoring(
    trials: Sequence[KeptTrial],
    wanted: Wanted,
    config: Configuration,
    examples: Sequence[Example],
) -> Callable[[tuple[int, ...]], Scores]:
    models: list[Path] = [each.model for each in trials if each.model is not None]
    if wanted.combine == "logits":
        return LogitScoring(models, config, examples)
    return RiskScoring(models, config, examples, candidates=wanted.candidates)


def _line(step: Step, trials: Sequence[KeptTrial]) -> str:
    gain = gain_of(step)
    trial = trials[step.members[-1]].trial
    begin = f"{len(step.members):>2}  trial {trial.number:<5} {step.value:.4f}"
    if gain is None:
        return f"{begin}  (best of {len(step.tried)} alone; {single_held_out(step):.4f} held out)"
    return f"{begin}  {describe(gain)}"


def describe(gain: Gain) -> str:
    """A gain in one line: measured, its interval, held out, and what that amounts to."""
    return (
        f"adds {gain.measured:+.4f}  (95% {gain.low:+.4f} to {gain.high:+.4f};"
        f" held out {gain.held_out:+.4f}: {gain.verdict})"
    )
