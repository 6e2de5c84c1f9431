"""Whether the versions here are the study's, or else those that hpo needs and was tested with."""

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

import hpo
from hpo.check.finding import Finding
from hpo.check.subject import Subject
from hpo.pinned import PACKAGES, installed

NAME = "versions"
LOCK = Path(hpo.__file__).parents[1] / "requirements.lock"  # there where hpo runs from its sources
SHOWN = 4
AS_LOCKED = "install requirements.lock (make setup)"


def look_at_versions(subject: Subject) -> Finding:
    """Compare the versions; a study's pin counts where there is a study."""
    unmet = list(unmet_requirements(requires("hpo") or []))
    if unmet:
        return Finding(NAME, "failure", f"not as hpo needs them: {_some(unmet)}", AS_LOCKED)
    study = None if subject.chosen.failed else subject.chosen.get().study
    if study is not None:
        return compare_with_pin(study.pinned.versions, installed(), study=study.name)
    shown = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    if not LOCK.is_file():
        return Finding(NAME, "ok", f"{shown}; all that hpo needs is there")
    other = list(differing(LOCK.read_text(encoding="utf-8")))
    if other:
        return Finding(NAME, "warning", f"not as tested: {_some(other)}", AS_LOCKED)
    return Finding(NAME, "ok", f"{shown}; all are as in requirements.lock")


def compare_with_pin(pinned: Mapping[str, str], here: Mapping[str, str], *, study: str) -> Finding:
    """Another major version of optuna is refused by the study; others may change scores."""
    other = {
        package: f"{package} {here[package]} here, {theirs} in the study"
        for package, theirs in pinned.items()
        if package in here and _public(here[package]) != _public(theirs)
    }
    if not other:
        shown = ", ".join(f"{package} {number}" for package, number in here.items())
        return Finding(NAME, "ok", f"{shown}, as study {study} is pinned")
    optuna = "optuna" in other and _major(here["optuna"]) != _major(pinned["optuna"])
    mend = "install the study's versions: other ones give other scores"
    text = "; ".join(other.values())
    if optuna:
        return Finding(NAME, "failure", f"{text}: the study refuses workers from here", mend)
    return Finding(NAME, "warning", text, mend)


def unmet_requirements(needed: list[str]) -> Iterator[str]:
    """Say which requirements, extras left out, are not met by what is installed."""
    for line in needed:
        requirement = Requirement(line)
        if not _applies(requirement):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            yield f"{requirement.name} is missing"
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            yield f"{requirement.name} {found}, needed {requirement.specifier}"


def differing(lock: str) -> Iterator[str]:
    """Say which installed packages are of another version than a lock file's.

    A host's build counts as equal: torch 2.13.0+cpu is 2.13.0.
    """
    for line in lock.splitlines():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:  # a comment
            continue
        if not _applies(requirement):
            continue
        (wanted,) = {each.version for each in requirement.specifier}
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            yield f"{requirement.name} is missing"
            continue
        if _public(found) != wanted:
            yield f"{requirement.name} {found}, tested with {wanted}"


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _public(number: str) -> str:
    return number.partition("+")[0]


def _major(number: str) -> str:
    return re.split(r"\D", number, maxsplit=1)[0]


def _some(lines: list[str]) -> str:
    more = f" and {len(lines) - SHOWN} more" * (len(lines) > SHOWN)
    return ", ".join(lines[:SHOWN]) + more
