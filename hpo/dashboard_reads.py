"""What a read-only dashboard answers: the reads of optuna-dashboard's page, by name.

The list allows and never forbids, so that a route which a later version brings is refused until
somebody has looked at it. Artifacts are left out: hpo keeps none, and that route sends
`Access-Control-Allow-Origin: *`.
"""

import re

READ_METHODS = frozenset({"GET", "HEAD"})
# optuna-dashboard drops slashes at the end before it looks for a route.
READ_PATHS = re.compile(
    r"""
      /*
    | /dashboard (?: /.* )?
    | /static/ .+
    | /favicon\.ico
    | /api/meta /*
    | /api/studies /*
    | /api/studies/ [0-9]+ /*
    | /api/studies/ [0-9]+ /param_importances /*
    | /api/studies/ [0-9]+ /plot/ [a-z_]+ /*
    | /csv/ [0-9]+ /*
    """,
    re.VERBOSE,
)


def reads(method: str, path: str) -> bool:
    """Whether the request only looks; `path` is percent-decoded, as WSGI gives it."""
    return method in READ_METHODS and READ_PATHS.fullmatch(path) is not None
