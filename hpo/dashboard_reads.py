"""What a read-only dashboard answers: the reads of optuna-dashboard's page, by name.

The list allows and never forbids, so that a route which a later version brings is refused until
somebody has looked at it. Artifacts are among them only where somebody has named their folder.
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


ARTIFACT_PATH = re.compile(r"/artifacts/ [0-9]+ (?: / [0-9]+ )? / [0-9a-fA-F-]+ /*", re.VERBOSE)


def reads(method: str, path: str, *, artifacts: bool = False) -> bool:
    """Whether the request only looks; `path` is percent-decoded, as WSGI gives it."""
    if method not in READ_METHODS:
        return False
    return READ_PATHS.fullmatch(path) is not None or (artifacts and is_artifact(path))


def is_artifact(path: str) -> bool:
    """Whether it is an artifact that the path asks for."""
    return ARTIFACT_PATH.fullmatch(path) is not None
