"""Several models that write one summary: at every token the mean of their logits decides.

The mean is normalized again afterwards, as one model's logits are. So it is the same thing as the
mean of their log-probabilities, which differs from it by one number for a whole row: a token that
one member holds impossible stays out, and scores of beams compare as those of one model do.

The mean of several projections is one projection of the states side by side, hence one product
with the vocabulary, and the search, its rules and its choice of tokens are those for one model.
"""

from collections.abc import Sequence

import torch
from transformers import BartForConditionalGeneration

from trainer.decoder import Decoder
from trainer.device import Precision
from trainer.projection import Projection


class AveragedDecoder:
    """The decoders of the same texts, one a model, that all take the same next tokens.

    `averaged_projection` of their models goes with it.
    """

    def __init__(self, decoders: Sequence[Decoder]) -> None:
        self.device = decoders[0].device
        self._decoders = decoders

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Take each row's next token, (rows,), and return the states, (rows, sum of widths)."""
        return torch.cat([decoder.step(tokens) for decoder in self._decoders], dim=1)

    def follow(self, beams: torch.Tensor) -> None:
        """Let each beam, (texts, beams), go on from that one of its text."""
        for decoder in self._decoders:
            decoder.follow(beams)

    def keep_texts(self, texts: torch.Tensor) -> None:
        """Let these texts, in this order, be all there are."""
        for decoder in self._decoders:
            decoder.keep_texts(texts)


def averaged_projection(
    models: Sequence[BartForConditionalGeneration], precision: Precision
) -> Projection:
    """Return what gives the mean of the models' logits from their states side by side.

    weight: (vocabulary, sum of widths), a copy unless there is one model only.
    """
    each = [Projection.of(model, precision) for model in models]
    if len(each) == 1:
        return each[0]
    weight = torch.cat([one.weight for one in each], dim=1) / len(each)
    weight = weight.to(precision.dtype(weight.device))  # autocast would do it anew for each token
    bias = torch.stack([one.bias for one in each]).mean(dim=0)
    return Projection(weight, bias, each[0].in_bf16)
