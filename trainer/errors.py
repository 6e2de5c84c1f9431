"""What a training can refuse or fail with. Every message is one line and says how to mend it."""


class TrainerError(Exception):
    """The base of every error that `trainer` raises itself."""


class DataError(TrainerError):
    """A data file is missing, cannot be read, or has a row that cannot be used."""


class ModelNotFound(TrainerError):
    """`model.name` is neither a folder nor a model that the Hugging Face hub gives."""


class TokenizerError(TrainerError):
    """The model's tokenizer cannot be loaded, or lacks what a summary needs."""


class NoDevScore(TrainerError):
    """The model was trained on dev too, which can say nothing of it any more."""


class SubmissionError(TrainerError):
    """Predictions do not fit the test file, so they must not be handed in."""


class DeviceLost(TrainerError):
    """The device failed in a way that this process cannot use it again; a new process can."""


class DeviceTaken(DeviceLost):
    """Other programs hold so much of the device that nothing fits beside them; that may pass."""


class Infeasible(TrainerError):
    """These settings cannot be trained, here or anywhere like here: trying again changes nothing.

    `constraint` names what they break, one word that a search can learn from.
    """

    constraint: str


class OutOfMemory(Infeasible):
    """The device's memory does not hold the training, not even one example at a time."""

    constraint = "memory"


class TrainingDiverged(Infeasible):
    """The loss grew beyond hope, or is no number, at optimizer step `step` (from 1)."""

    constraint = "divergence"

    def __init__(self, step: int, what: str = "the loss is not a number") -> None:
        super().__init__(
            f"{what} at optimizer step {step}; "
            "try a smaller training.learning_rate or precision: fp32"
        )
        self.step = step


class Interrupted(BaseException):
    """Raised by a callback of `fit` to leave a training that is to be continued later.

    Not an Exception: what catches a training's failures must let it through. `fit` saves where the
    training stands, if it was given a place for that, and lets it pass.
    """


def first_line(error: Exception) -> str:
    """Return what a library's error says in its first line, or its type where it says nothing."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)
