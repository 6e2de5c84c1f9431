"""The locks: complete, clean, and such that pip and uv take them on every supported Python."""

import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ("requirements.lock", "requirements-dev.lock")
PYTHONS = ("3.11", "3.12", "3.13")


def pins(root, lock, python="3.11"):
    """What a lock installs on Linux under a Python: name to version."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.1",
        "sys_platform": "linux",
        "platform_machine": "x86_64",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    found = {}
    for line in (root / lock).read_text().splitlines():
        if line.startswith("#"):
            continue
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            (specifier,) = requirement.specifier
            assert specifier.operator == "==", line
            assert canonicalize_name(requirement.name) not in found, f"twice for {python}: {line}"
            found[canonicalize_name(requirement.name)] = specifier.version
    return found


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_package_is_pinned_once(root, lock, python):
    assert len(pins(root, lock, python)) > 70


@pytest.mark.parametrize("python", PYTHONS)
def test_the_pins_satisfy_the_project(root, project, python):
    runtime, everything = (pins(root, lock, python) for lock in LOCKS)
    for wanted in map(Requirement, project["dependencies"]):
        assert wanted.specifier.contains(runtime[canonicalize_name(wanted.name)]), wanted
    extras = project["optional-dependencies"]
    tools = [wanted for extra in ("dev", "eda", "report") for wanted in extras[extra]]
    for wanted in map(Requirement, tools):
        if wanted.name == "hpo":
            assert wanted.extras == {"eda", "report"}
            continue
        assert wanted.specifier.contains(everything[canonicalize_name(wanted.name)]), wanted


@pytest.mark.parametrize("python", PYTHONS)
def test_the_tools_change_nothing_of_what_runs(root, python):
    runtime, everything = (pins(root, lock, python) for lock in LOCKS)
    assert runtime.items() <= everything.items()


@pytest.mark.parametrize("lock", LOCKS)
def test_torch_is_the_plain_release_and_brings_its_own_cuda(root, lock):
    lines = (root / lock).read_text().splitlines()
    assert "torch==2.13.0" in lines
    assert [line for line in lines if line.startswith(("nvidia", "cuda", "triton"))] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_host_no_hash_no_path_stands_in_it(root, lock):
    lines = (root / lock).read_text().splitlines()
    assert [line for line in lines[1:] if not re.match(r"[a-z0-9._-]+==\S+( ; .*)?$", line)] == []


def test_what_runs_here_is_what_is_locked(root, project):
    """Every direct dependency of this environment at its pin; torch may be the host's own."""
    code = "from importlib.metadata import version as v; import sys; print(*map(v, sys.argv[1:]))"
    names = [Requirement(wanted).name for wanted in project["dependencies"]]
    names = [name for name in names if name != "torch"]
    installed = subprocess.check_output([sys.executable, "-c", code, *names], text=True).split()
    locked = pins(root, "requirements-dev.lock", f"3.{sys.version_info.minor}")
    expected = {name: locked[canonicalize_name(name)] for name in names}
    assert dict(zip(names, installed, strict=True)) == expected
