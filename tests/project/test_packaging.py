"""pyproject.toml: what is installed, and what is not."""

import tomllib

import pytest
from setuptools import find_packages


@pytest.fixture(scope="module")
def pyproject(root):
    return tomllib.loads((root / "pyproject.toml").read_text())


def test_the_wheel_lists_just_the_four(root, pyproject):
    packages = find_packages(str(root), **pyproject["tool"]["setuptools"]["packages"]["find"])
    assert {package.partition(".")[0] for package in packages} == {
        "hpo",
        "trainer",
        "storage",
        "config",
    }


def test_every_folder_with_code_is_a_package(root, pyproject):
    """A forgotten __init__.py works in the editable install and is missing from the wheel."""
    packages = find_packages(str(root), **pyproject["tool"]["setuptools"]["packages"]["find"])
    folders = {
        ".".join(path.parent.relative_to(root).parts)
        for name in ("hpo", "trainer", "storage", "config")
        for path in (root / name).rglob("*.py")
    }
    assert folders == set(packages)


def test_every_data_file_is_in_the_wheel(root, pyproject):
    patterns = pyproject["tool"]["setuptools"]["package-data"]
    shipped = {
        path
        for package, globs in patterns.items()
        for glob in globs
        for path in (root / package).glob(glob)
    }
    present = {
        path
        for name in ("hpo", "trainer", "storage", "config")
        for path in (root / name).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert present <= shipped


def test_it_cannot_be_uploaded(pyproject):
    assert "Private :: Do Not Upload" in pyproject["project"]["classifiers"]
    assert pyproject["project"]["license"] == "MIT"
