"""What a training minimizes, and how fast each of the model's layers follows."""

from dataclasses import dataclass

from config.schema import Training


@dataclass(frozen=True)
class Objective:
    """Parts of the training section that change loss or learning rates; see their fields."""

    label_smoothing: float = 0.0
    rdrop_alpha: float = 0.0
    layerwise_lr_decay: float = 1.0

    @classmethod
    def of(cls, training: Training) -> "Objective":
        """Return what is configured."""
        return cls(training.label_smoothing, training.rdrop_alpha, training.layerwise_lr_decay)
