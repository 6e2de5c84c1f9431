"""The likeliest next tokens of each beam: projection, logarithms, rules and choice.

On a CPU this is most of a search for a small model. There only the chosen logits become logarithms
of probabilities: what all others are needed for is the sum of their exponentials, at half of what
torch's logarithm of the softmax takes. The best are looked for in the groups of tokens with the
largest maxima: torch's choice from the whole vocabulary takes longer (40 rows, 30,015 tokens: 1.9
and 0.5 ms).
"""

import torch

from trainer.fused_loss import in_range
from trainer.projection import Product
from trainer.search_rules import Rules

MEMBERS = 32  # tokens in a group


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
    count = min(count, scores.shape[1])
    in_groups = scores.device.type == "cpu" and scores.shape[1] >= 2 * MEMBERS * count
    sums = None
    if in_groups and not rules.force(sequences.shape[1]):
        exact = torch.exp(scores).sum(dim=1, keepdim=True)
        sums = exact.log_() if in_range(exact) else None
    if sums is None:
        on_cpu = scores.device.type == "cpu"
        scores = torch.log_softmax(scores, dim=-1, out=scores if on_cpu else None)
    rules.apply(scores, sequences)
    values, indices = _by_groups(scores, count) if in_groups else scores.topk(count)
    return values if sums is None else values - sums, indices


def _by_groups(scores: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the best of each row; a group's members stand as far apart as there are groups."""
    rows, vocabulary = scores.shape
    groups = vocabulary // MEMBERS
    grouped = scores[:, : groups * MEMBERS].view(rows, MEMBERS, groups)
    leading = grouped.amax(dim=1).topk(count).indices
    members = torch.arange(MEMBERS)[:, None] * groups
    ungrouped = torch.arange(groups * MEMBERS, vocabulary).expand(rows, -1)
    among = torch.cat([(leading[:, None] + members).flatten(1), ungrouped], dim=1)
    best = scores.gather(1, among).topk(count)
    return best.values, among.gather(1, best.indices)
