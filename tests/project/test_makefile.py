"""The Makefile's targets, run with a Python that only writes down what it is asked to do."""

import os
import re
import shutil
import stat
import subprocess

import pytest

from trainer.cores import cores

# Stands for every python: what the checks in the Makefile ask for decides its answer.
FAKE_PYTHON = """#!/bin/sh
echo "$@" >>"$LOG"
case "$1 $2" in
"-m venv") for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/python" ;;
"-c import torch; assert"*) exit "${NO_TORCH:-0}" ;;
"-c import sys"*) exit "${WRONG_VERSION:-0}" ;;
"-c import platform"*) echo "hpo is ready" ;;
"-m pip") case "$*" in *"--quiet pip>="*) exit "${NO_PIP:-0}" ;; esac ;;
"--version ") echo "Python 3.9.18" ;;
esac
"""


class Project:
    """A copy of the files that `make setup` reads, and the fake Python beside them."""

    def __init__(self, root, folder):
        self.folder = folder
        self.log = folder / "log"
        self.python = folder / "fake-python"
        for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
            shutil.copy(root / name, folder)
        self.python.write_text(FAKE_PYTHON)
        self.python.chmod(0o755)

    def make(self, *words, **environment):
        # A new environment: an outer make's MAKEFLAGS would carry its variables in here.
        self.log.write_text("")
        return subprocess.run(
            ["make", f"PYTHON={self.python}", *words],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LOG": str(self.log)} | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def installs(self):
        """The installs of the last run, one a line."""
        lines = self.log.read_text().splitlines()
        return [found[1] for line in lines if (found := re.search(r"-m pip .*(install .*)", line))]


@pytest.fixture
def project(root, tmp_path):
    return Project(root, tmp_path)


def test_help_is_the_default_and_lists_every_target(project):
    targets = set(
        re.findall(r"^\.PHONY: (.*)$", (project.folder / "Makefile").read_text(), re.MULTILINE)
    )
    listed = {line.split()[1] for line in project.make().stdout.splitlines()}
    assert listed == targets - {"venv"}
    assert {"help", "setup", "demo", "test", "check", "lock", "clean"} <= listed


def test_setup_installs_the_lock_then_the_project(project):
    result = project.make("setup")
    assert result.returncode == 0, result.stderr
    assert project.installs() == [
        "install --quiet pip>=26",
        "install --quiet --no-compile -r requirements-dev.lock",
        "install --quiet --no-deps --no-build-isolation --editable .",
    ]
    assert result.stdout.splitlines()[-1] == "hpo is ready"


def test_setup_does_with_the_pip_that_is_there(project):
    """An index of one's own, or a folder of wheels, may have no other."""
    result = project.make("setup", NO_PIP="1")
    assert result.returncode == 0, result.stderr
    assert "no pip>=26 to be had: going on with the pip that is there" in result.stdout
    assert "-r requirements-dev.lock" in project.installs()[1]


def test_setup_compiles_what_it_installed(project):
    project.make("setup")
    calls = project.log.read_text().splitlines()
    (compiled,) = [place for place, call in enumerate(calls) if "-m compileall" in call]
    (installed,) = [place for place, call in enumerate(calls) if call.endswith(".lock")]
    assert calls[compiled].startswith("-m compileall -qq -j 0 ")
    assert calls[compiled].endswith(" .venv/lib")
    assert compiled > installed


@pytest.mark.parametrize(
    ("path", "compiled"),
    [
        ("torch/testing/_comparison.py", True),
        ("transformers/models/bart/modeling_bart.py", True),
        ("transformers/models/auto/auto_factory.py", True),
        ("transformers/models/bark/modeling_bark.py", False),
        ("scipy/stats/tests/test_qmc.py", False),
        ("plotly/graph_objs/bar/_marker.py", False),
    ],
)
def test_setup_leaves_alone_what_is_hardly_imported(project, path, compiled):
    project.make("setup")
    (call,) = [call for call in project.log.read_text().splitlines() if "-m compileall" in call]
    (seldom,) = re.findall(r" -x (\S+)", call)
    assert (re.search(seldom, f".venv/lib/python3.11/site-packages/{path}") is None) == compiled


def test_the_second_setup_installs_nothing(project):
    project.make("setup")
    assert project.make("setup").stdout == "hpo is ready\n"
    assert project.installs() == []


@pytest.mark.parametrize("name", ["pyproject.toml", "requirements.lock", "requirements-dev.lock"])
def test_a_newer_lock_or_pyproject_installs_again(project, name):
    project.make("setup")
    later = (project.folder / ".venv/.hpo-ready").stat().st_mtime + 1
    os.utime(project.folder / name, (later, later))
    project.make("setup")
    assert len(project.installs()) == 3


def test_an_interrupted_setup_goes_on_next_time(project):
    project.make("setup")
    (project.folder / ".venv/.hpo-ready").unlink()
    project.make("setup")
    assert len(project.installs()) == 3
    assert "-m venv" not in project.log.read_text()


def test_an_unsupported_python_is_refused_with_its_version(project):
    result = project.make("setup", WRONG_VERSION="1")
    assert result.returncode != 0
    assert f"{project.python} is Python 3.9.18: hpo needs 3.11, 3.12 or 3.13" in result.stderr
    assert not (project.folder / ".venv").exists()


def test_no_python_at_all_is_said_plainly(project):
    result = project.make("setup", "PYTHON=")
    assert result.returncode != 0
    assert "no Python here will do: hpo needs 3.11, 3.12 or 3.13" in result.stderr


def test_a_venv_of_another_python_is_refused(project):
    project.make("setup")
    (project.folder / ".venv/.hpo-ready").unlink()
    result = project.make("setup", WRONG_VERSION="1")
    assert result.returncode != 0
    assert ".venv has Python 3.9.18: hpo needs 3.11, 3.12 or 3.13" in result.stderr


def test_the_systems_torch_is_kept(project):
    result = project.make("setup", "SYSTEM_TORCH=1")
    assert result.returncode == 0, result.stderr
    assert "-m venv --system-site-packages .venv" in project.log.read_text()
    _, lock, editable = project.installs()
    assert lock == "install --quiet --no-compile --no-deps -r .venv/without-torch.lock"
    assert editable.endswith("--editable .")


def test_the_lock_without_torch_lacks_only_torch(project):
    project.make("setup", "SYSTEM_TORCH=1")
    whole = (project.folder / "requirements-dev.lock").read_text().splitlines()
    rest = (project.folder / ".venv/without-torch.lock").read_text().splitlines()
    assert set(whole) - set(rest) == {"torch==2.13.0"}


def test_a_venv_remembers_to_keep_its_torch(project):
    """`make test` after a new lock must not replace a GPU host's torch."""
    project.make("setup", "SYSTEM_TORCH=1")
    (project.folder / ".venv/.hpo-ready").unlink()
    project.make("setup")
    assert project.installs()[1].endswith(" --no-deps -r .venv/without-torch.lock")


def test_keeping_a_torch_that_is_not_there_is_refused(project):
    result = project.make("setup", "SYSTEM_TORCH=1", NO_TORCH="1")
    assert result.returncode != 0
    assert ".venv sees no torch of yours, or one before 2.10" in result.stderr
    assert project.installs() == []


def test_keeping_torch_in_a_venv_made_with_the_locks_is_refused(project):
    project.make("setup")
    result = project.make("setup", "SYSTEM_TORCH=1")
    assert result.returncode != 0
    assert "run make clean, then make setup SYSTEM_TORCH=1" in result.stderr


def test_uv_may_install_instead_of_pip(project):
    uv = project.folder / "uv"
    uv.write_text('#!/bin/sh\necho "-m pip uv $@" >>"$LOG"\n')
    uv.chmod(0o755)
    result = project.make("setup", f"PIP={uv} pip")
    assert result.returncode == 0, result.stderr
    assert len(project.installs()) == 3
    assert project.log.read_text().count("uv pip install") == 3


def test_test_runs_everything(project):
    project.make("setup")
    commands = project.make("-n", "test", "ARGS=-k lock").stdout
    (line,) = [line for line in commands.splitlines() if "-m pytest " in line]
    assert line.startswith(".venv/bin/python -m pytest ")
    assert line.endswith(" -k lock")


def test_the_tests_share_the_machine_within_bounds(project):
    """A host of 64 cores has the memory for 64 interpreters with torch more seldom."""
    project.make("setup")
    commands = project.make("-n", "test").stdout
    assert "--numprocesses logical --maxprocesses 8 --dist loadfile" in commands


def test_a_process_more_than_cores_runs_tests(pytestconfig):
    if not pytestconfig.pluginmanager.hasplugin("xdist"):
        pytest.skip("pytest runs without its plugin xdist")
    hook = pytestconfig.hook.pytest_xdist_auto_num_workers
    assert hook(config=pytestconfig) == cores() + 1


def test_check_runs_each_tool(project):
    project.make("setup")
    commands = project.make("-n", "check").stdout
    for tool in ("ruff check .", "ruff format --check .", "mypy", "lint-imports"):
        assert f".venv/bin/{tool}\n" in commands
    assert ".venv/bin/python -m benchmarks.guards\n" in commands


def test_the_demo_touches_nobodys_database(project):
    project.make("setup")
    commands = project.make("-n", "demo").stdout
    assert "env -u HPO_STORAGE -u HPO_DATA -u HPO_OUTPUT" in commands
    assert "WANDB_MODE=offline" in commands
    assert ".venv/bin/hpo worker --study demo" in commands


def test_clean_keeps_studies_and_outputs(project):
    project.make("setup")
    for name in ("hpo", "trainer", "storage", "config", "tests", "outputs"):
        (project.folder / name).mkdir()
    (project.folder / "hpo.db").touch()
    assert project.make("clean").returncode == 0
    assert not (project.folder / ".venv").exists()
    assert (project.folder / "hpo.db").exists()
    assert (project.folder / "outputs").exists()


def test_ci_runs_the_entries_that_people_run(root):
    script = root / ".ci/run"
    assert script.stat().st_mode & stat.S_IXUSR
    commands = [
        line for line in script.read_text().splitlines() if line and not line.startswith("#")
    ]
    assert commands[0] == "set -eu"
    assert {"make test", "make check"} <= set(commands)
