"""When a loss has grown so far that the training is lost.

The bar is twice the loss of guessing all tokens alike (the logarithm of the vocabulary's size): a
model beyond it is surer of what is wrong than one that knows nothing. It depends on no earlier
loss, so neither a start with a high loss nor a rise that is relative to a good start counts. A
single spike does not count either: the median of the last updates has to be beyond the bar, or the
loss on the whole dev set. Updates count from the last evaluation on, which is what a training that
goes on elsewhere still knows: it decides as one without a break. Under R-Drop the loss of an
update holds a penalty too, and its bar is as much higher; the dev set's loss holds none.
What settles below the bar without learning is left to the pruner: see docs/decisions/0014.
"""

import math
import statistics
from collections.abc import Sequence

from trainer.errors import TrainingDiverged

GUESSES = 2.0  # times the loss of guessing
UPDATES = 20  # whose median counts


class Divergence:
    """Ends the training of a model with that many tokens in its vocabulary.

    penalty: the weight of what is added to the updates' cross-entropy.
    """

    def __init__(self, vocabulary: int, *, penalty: float = 0.0) -> None:
        self.bar = GUESSES * math.log(vocabulary)
        self.updates_bar = self.bar * (1 + penalty)

    def check_updates(self, losses: Sequence[float], *, step: int) -> None:
        """Raise TrainingDiverged for the losses of the last updates; the newest is that of `step`.

        Fewer than UPDATES of them are judged by the newest alone, which must be a number.
        """
        if not math.isfinite(losses[-1]):
            raise TrainingDiverged(step, f"the loss is {losses[-1]}")
        last = losses[-UPDATES:]
        if len(last) == UPDATES and (median := statistics.median(last)) > self.updates_bar:
            grown = f"the loss has grown to {median:.2f}, the median of {UPDATES}"
            raise TrainingDiverged(step, _grown(grown, self.updates_bar))

    def check_evaluation(self, loss: float, *, step: int) -> None:
        """Raise TrainingDiverged for the dev set's loss after `step` updates."""
        if not math.isfinite(loss):
            raise TrainingDiverged(step, f"the dev set's loss is {loss}")
        if loss > self.bar:
            grown = f"the dev set's loss has grown to {loss:.2f}"
            raise TrainingDiverged(step, _grown(grown, self.bar))


def _grown(what: str, bar: float) -> str:
    return f"{what}, over {bar:.2f}, twice the loss of guessing,"
