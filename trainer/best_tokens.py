"""The likeliest next tokens of each beam: projection, logarithms, rules and choice.

On a CPU this is most of a search for a small model. There only the chosen logits become logarithms
of probabilities: what all others are needed for is the sum of their exponentials, at half of what
torch's logarithm of the softmax takes. The best are looked for in the groups of tokens with the
largest maxima: torch's choice from the whole vocabulary takes longer (40 rows, 30,015 tokens: 1.9
and 0.5 ms). Exponentials and maxima are taken of a few rows after the other, while these are in the
second-level cache.
"""

import torch

from trainer.fused_loss import in_range
from trainer.projection import Product
from trainer.search_rules import Bans, Rules

MEMBERS = 32  # tokens in a group
ROWS = 4  # at once: their logits and exponentials stay in the second-level cache


def best_tokens(
    hidden: torch.Tensor,
    product: Product,
    rules: Rules,
    sequences: torch.Tensor,
    *,
    count: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the `count` best tokens of each row, and their logarithms first; each (rows, count).

    hidden: (rows, width), the decoder's last states. sequences: (rows, length), the tokens so far.
    """
    scores = product(hidden).float()
    on_cpu = scores.device.type == "cpu"
    count = min(count, scores.shape[1])
    if on_cpu and scores.shape[1] >= 2 * MEMBERS * count and not rules.force(sequences.shape[1]):
        sums, maxima = _looked_over(scores, rules.bans(sequences))
        if in_range(sums):
            values, indices = _by_groups(scores, maxima, count)
            return values - sums.log_()[:, None], indices
        scores = product(hidden).float()
    scores = torch.log_softmax(scores, dim=-1, out=scores if on_cpu else None)
    rules.apply(scores, sequences)
    best = scores.topk(count)
    return best.values, best.indices


def _looked_over(scores: torch.Tensor, bans: Bans | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sums of each row's exponentials, and its groups' largest scores behind the bans.

    (rows,) and (rows, groups); a group's members stand as far apart as there are groups. The bans
    are laid on the scores.
    """
    rows, vocabulary = scores.shape
    groups = vocabulary // MEMBERS
    sums, maxima = scores.new_empty(rows), scores.new_empty(rows, groups)
    room = scores.new_empty(min(ROWS, rows), vocabulary)
    for start in range(0, rows, ROWS):
        place = slice(start, start + ROWS)
        some = scores[place]
        torch.sum(torch.exp(some, out=room[: len(some)]), dim=1, out=sums[place])
        if bans is not None:
            some.scatter_add_(1, bans.tokens[place], bans.scores[place])
        grouped = some[:, : groups * MEMBERS].view(-1, MEMBERS, groups)
        torch.amax(grouped, dim=1, out=maxima[place])
    return sums, maxima


def _by_groups(
    scores: torch.Tensor, maxima: torch.Tensor, count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the best of each row, found in the groups with the largest maxima."""
    rows, vocabulary = scores.shape
    groups = maxima.shape[1]
    leading = maxima.topk(count).indices
    members = torch.arange(MEMBERS)[:, None] * groups
    ungrouped = torch.arange(groups * MEMBERS, vocabulary).expand(rows, -1)
    among = torch.cat([(leading[:, None] + members).flatten(1), ungrouped], dim=1)
    best = scores.gather(1, among).topk(count)
    return best.values, among.gather(1, best.indices)
