"""How long a silent worker keeps its trial; read without the trainer's slow imports."""

import math
from collections.abc import Mapping

from hpo.errors import WrongInput
from storage.lease import LEASE_S

SHORTEST_LEASE_S = 1.0


def lease_seconds(environ: Mapping[str, str]) -> float:
    """HPO_LEASE_S, else a minute; WrongInput for what is no length of time."""
    given = environ.get("HPO_LEASE_S")
    try:
        seconds = LEASE_S if given is None else float(given)
    except ValueError:
        seconds = 0.0
    if not SHORTEST_LEASE_S <= seconds < math.inf:
        raise WrongInput(f"HPO_LEASE_S={given}: give seconds, {SHORTEST_LEASE_S:g} or more")
    return seconds
