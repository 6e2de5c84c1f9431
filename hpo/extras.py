"""The packages that only some commands need: said in one line where they are not installed."""

from importlib.util import find_spec

from hpo.errors import WrongInput

# What is imported, and what it is called where it is installed from.
EXTRAS = {
    "eda": {"matplotlib": "matplotlib", "sklearn": "scikit-learn", "wordcloud": "wordcloud"},
}


class MissingExtra(WrongInput):
    """A command needs packages that an extra of hpo installs."""


def need_extra(extra: str, *, command: str) -> None:
    """Raise MissingExtra unless every package of the extra is there."""
    missing = [name for module, name in EXTRAS[extra].items() if find_spec(module) is None]
    if missing:
        raise MissingExtra(
            f"{command} needs {', '.join(missing)}; install them: pip install 'hpo[{extra}]'"
        )
