"""The confirmed winner as a configuration that trains again.

A seed has to be chosen, and the score depends on it. It is that of the winner's best run: a model
that was seen to score so, though other seeds are to be expected at the mean.
"""

from dataclasses import dataclass

from optuna.trial import FrozenTrial

from config.load import dump
from config.schema import Configuration
from hpo.confirm.results import Candidate, Results
from hpo.export import winning_configuration
from hpo.pinned import Pinned
from hpo.trial_record import Best, as_best


@dataclass(frozen=True)
class Confirmed:
    """A search's winner by its runs under several seeds; `best` is the run to be trained again."""

    name: str
    pinned: Pinned
    results: Results
    winner: Candidate
    best: Best

    @classmethod
    def of(
        cls, name: str, pinned: Pinned, results: Results, won: tuple[Candidate, FrozenTrial]
    ) -> "Confirmed":
        """Put it together from what `winning_run` found."""
        return cls(name, pinned, results, won[0], as_best(won[1]))

    @property
    def seed(self) -> int:
        """The seed of the run to be trained again."""
        return int(self.best.params["general.seed"])

    @property
    def expected(self) -> float:
        """What another seed is expected to give: less than the mean, which won for being high."""
        found = self.results.expected[self.winner.number]
        if found is None:
            raise ValueError(f"trial {self.winner.number} won without a run")
        return found

    def facts(self) -> dict[str, object]:
        """What the confirmation found of the winner, for machines."""
        return {
            "study": self.name,
            "trial": self.winner.number,
            "mean": self.winner.mean,
            "sd": self.winner.sd,
            "runs": len(self.winner.values),
            "expected": self.expected,
            "probability_best": self.results.probabilities.get(self.winner.number),
            "leaders": [candidate.number for candidate in self.results.leaders],
        }

    def words(self) -> str:
        """The winner and what its export is worth, in one line."""
        metric = self.pinned.config.metric.name
        return (
            f"trial {self.winner.number} of study {self.name}: mean {metric}"
            f" {self.winner.mean:.4f}, SD {self.winner.sd:.4f} over {len(self.winner.values)} seeds"
        )

    def reproduces(self) -> str:
        """Which score the exported configuration trains to."""
        return (
            f"with its seed, {self.seed}, it trains to {self.best.value:.4f} again, at epoch"
            f" {self.best.epoch:g} (the best of its runs);"
            f" expect about {self.expected:.4f} of another seed"
        )


def confirmed_configuration(confirmed: Confirmed) -> Configuration:
    """The search's configuration with the winner's parameters and that run's seed."""
    config = winning_configuration(confirmed.results.study, confirmed.pinned, confirmed.best)
    provenance = {**(config.provenance or {}), "confirms": confirmed.facts()}
    return config.model_copy(update={"provenance": provenance})


def confirmed_yaml(confirmed: Confirmed) -> str:
    """The text of `hpo best --confirmed --export`."""
    return dump(
        confirmed_configuration(confirmed),
        comments=(
            confirmed.words(),
            confirmed.reproduces(),
            "train it again: hpo train --config THIS_FILE --output DIR",
        ),
    )
