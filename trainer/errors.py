"""What a training can refuse or fail with. Every message is one line and says how to mend it."""


class TrainerError(Exception):
    """The base of every error that `trainer` raises itself."""


class DataError(TrainerError):
    """A data file is missing, cannot be read, or has a row that cannot be used."""


class ModelNotFound(TrainerError):
    """`model.name` is neither a folder nor a model that the Hugging Face hub gives."""


class TokenizerError(TrainerError):
    """The model's tokenizer cannot be loaded, or lacks what a summary needs."""


class SubmissionError(TrainerError):
    """Predictions do not fit the test file, so they must not be handed in."""


class TrainingDiverged(TrainerError):
    """The loss stopped being a number at optimizer step `step` (from 1)."""

    def __init__(self, step: int) -> None:
        super().__init__(
            f"the loss is not a number at optimizer step {step}; "
            "try a smaller training.learning_rate or precision: fp32"
        )
        self.step = step


def first_line(error: Exception) -> str:
    """Return what a library's error says in its first line, or its type where it says nothing."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)
