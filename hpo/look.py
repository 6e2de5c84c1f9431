"""A process that looks at the device and what memory is free: `python -m hpo.look` prints JSON.

A process of its own, because who has once used a card keeps memory on it.
"""

import json
import sys
from dataclasses import asdict

from trainer.device_memory import room

if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(room())) + "\n")
