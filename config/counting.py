"""Counts with their nouns, as every message says them."""


def counted(count: float, one: str, many: str | None = None) -> str:
    """Return the count with its noun: 1 dialogue, 12,457 dialogues, 2.5 epochs.

    `many` None is `one` with an s.
    """
    number = f"{count:,g}" if isinstance(count, float) else f"{count:,}"
    return f"{number} {one if count == 1 else many or one + 's'}"
