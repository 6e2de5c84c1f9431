"""How many examples fit into the device's memory at once, remembered between trainings."""

from typing import Protocol


class MicroBatches(Protocol):
    """The sizes that trainings before found to fit; the key names model, length and batch."""

    def known(self, key: str) -> int | None:
        """Return the size that fitted; None where nobody has found one."""

    def found(self, key: str, size: int) -> None:
        """Remember that this size fits."""
