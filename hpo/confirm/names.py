"""The names of companion studies."""

SUFFIX = ".confirm"


def companion_name(name: str) -> str:
    """The name of the study that confirms study `name`."""
    return f"{name}{SUFFIX}"


def confirmed_name(companion: str) -> str | None:
    """The name of the study that this one confirms, by its name alone; None where it is none."""
    name = companion.removesuffix(SUFFIX)
    return name if name and name != companion else None
