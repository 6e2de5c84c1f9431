"""A process that looks at the device and what memory is free: `python -m hpo.look` prints JSON.

A process of its own, because who has once used a card keeps memory on it. `python -m hpo.look cuda`
fails where there is no CUDA device, or none that can be used.
"""

import json
import sys
from dataclasses import asdict

from trainer.device_errors import device_errors_named
from trainer.device_memory import room
from trainer.errors import TrainerError


def main() -> None:
    """Print what there is; a line instead where the device cannot be used."""
    try:
        with device_errors_named():
            found = room()
    except TrainerError as error:
        sys.exit(str(error))
    if "cuda" in sys.argv and found.card is None:
        sys.exit("CUDA finds no device")
    sys.stdout.write(json.dumps(asdict(found)) + "\n")


if __name__ == "__main__":
    main()
