"""What is asked before each write to disk, so that who lost a training writes nothing of it."""

from collections.abc import Callable


class WriteGuard:
    """Asks `before_write`, None: nobody. Keeps what that raised apart from failures of the disk."""

    def __init__(self, before_write: Callable[[], None] | None) -> None:
        self._ask = before_write
        self._refusal: BaseException | None = None

    def __call__(self) -> None:
        """Return where it may be written; what `before_write` raises passes through."""
        if self._ask is None:
            return
        try:
            self._ask()
        except BaseException as error:
            self._refusal = error
            raise

    def refused(self, error: BaseException) -> bool:
        """Say whether this error is a refusal, and none of the disk's."""
        return error is self._refusal
