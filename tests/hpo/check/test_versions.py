"""Versions against the study's pin, the project's requirements and the lock."""

from importlib.metadata import version

import pytest

from hpo.check.versions import compare_with_pin, differing, unmet_requirements

HERE = {"optuna": "5.0.0", "torch": "2.13.0+cpu", "transformers": "5.23.0"}


def test_the_studys_versions_are_ok_whatever_the_build() -> None:
    found = compare_with_pin({**HERE, "torch": "2.13.0+cu130"}, HERE, study="s")
    assert found.level == "ok"


@pytest.mark.parametrize(
    ("package", "pinned", "level"),
    [
        ("torch", "2.12.1", "warning"),
        ("optuna", "5.1.0", "warning"),
        ("optuna", "6.0.0", "failure"),
    ],
)
def test_another_version_is_named_and_another_optuna_is_refused(
    package: str, pinned: str, level: str
) -> None:
    found = compare_with_pin({**HERE, package: pinned}, HERE, study="s")
    assert found.level == level
    assert f"{package} {HERE[package]} here, {pinned} in the study" in found.text
    assert found.mend


def test_requirements_that_are_not_met_are_named() -> None:
    needed = ["optuna>=99", "no-such-package>=1", "click", "s3fs>=1; extra == 's3'"]
    found = list(unmet_requirements(needed))
    assert found == [f"optuna {version('optuna')}, needed >=99", "no-such-package is missing"]


def test_a_lock_is_compared_line_by_line() -> None:
    lock = f"# a comment\nclick=={version('click')}\noptuna==1.0\nx==1 ; python_version < '3'\n"
    assert list(differing(lock)) == [f"optuna {version('optuna')}, tested with 1.0"]
