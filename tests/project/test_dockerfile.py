"""The Dockerfile: what it copies exists, secrets stay out, layers are in the order that caches."""

import os
import re
import shlex
import subprocess
import time
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml


@pytest.fixture(scope="module")
def instructions(root):
    """The Dockerfile as (instruction, words), continued lines joined, comments left out."""
    text = re.sub(r"^#.*\n", "", (root / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [(line.split()[0], line.split()[1:]) for line in lines if line.strip()]


def copied(instructions):
    """Each COPY's sources from the repository."""
    for name, words in instructions:
        if name == "COPY":
            yield from [word for word in words if not word.startswith("--")][:-1]


def reaches_the_builder(path, root):
    """Whether .dockerignore lets a path through: the last pattern that matches decides."""
    allowed = True
    for line in (root / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        keeps = line.startswith("!")
        pattern = line.lstrip("!").removeprefix("**/").rstrip("/")
        if any(
            fnmatch(str(part), pattern) for part in (path, *Path(path).parents, Path(path).name)
        ):
            allowed = keeps
    return allowed


def test_everything_copied_is_in_the_repository_and_reaches_the_builder(instructions, root):
    sources = list(copied(instructions))
    assert len(sources) >= 8
    for source in sources:
        assert (root / source).exists(), source
        assert reaches_the_builder(source, root), source


@pytest.mark.parametrize(
    "path", [".env", ".venv", ".git", "hpo.db", "outputs", "data", "tests", "hpo/__pycache__"]
)
def test_what_is_private_or_large_stays_outside(path, root):
    assert not reaches_the_builder(path, root)


def test_all_four_packages_are_copied(instructions):
    assert {"hpo", "trainer", "storage", "config"} <= set(copied(instructions))


def test_the_lock_comes_before_the_project(instructions):
    """A change of the project's code does not install torch again."""
    lines = [" ".join([name, *words]) for name, words in instructions]
    places = [
        next(number for number, line in enumerate(lines) if wanted in line)
        for wanted in ("COPY requirements.lock", "pip install -r", "COPY hpo", "--no-deps")
    ]
    assert places == sorted(places)


def test_it_runs_as_an_ordinary_user_that_kubernetes_can_tell_from_root(instructions):
    users = [words[0] for name, words in instructions if name == "USER"]
    assert users == ["10001:10001"]
    after = [name for name, _ in instructions][-3:]
    assert after == ["WORKDIR", "ENTRYPOINT", "CMD"]


def test_no_process_of_ours_is_the_containers_first(instructions, root):
    """The kernel drops what process 1 has not asked for yet, as a signal in its first second."""
    installed = [word for name, words in instructions if name == "RUN" for word in words]
    assert "tini" in installed
    assert ("ENTRYPOINT", ['["tini",', '"--",', '"hpo"]']) in instructions
    services = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]
    assert services["worker"]["entrypoint"][0] == "tini"
    assert not any("init" in service for service in services.values())


def test_its_base_is_cudas_and_may_be_another(instructions):
    assert instructions[0][0] == "ARG"
    assert instructions[0][1][0].startswith("CUDA_IMAGE=nvidia/cuda:")
    assert instructions[1] == ("FROM", ["${CUDA_IMAGE}"])


def test_a_build_asks_docker_hub_for_the_base_image_alone(root):
    """A line `# syntax=` would fetch the builder's language as an image of its own."""
    assert "syntax=" not in (root / "Dockerfile").read_text()


def test_no_secret_is_baked_in(instructions):
    declared = " ".join(" ".join(words) for name, words in instructions if name in ("ARG", "ENV"))
    assert not re.search(r"PASSWORD|API_KEY|TOKEN", declared)


@pytest.fixture
def one_gpu(root, tmp_path):
    """Start a command through docker/one-gpu on a host of two GPUs."""
    environment = {"PATH": os.environ["PATH"], "GPU_LOCKS": str(tmp_path), "GPUS": "0 1"}
    started = []

    def start(command, **more):
        process = subprocess.Popen(
            [root / "docker/one-gpu", "sh", "-c", command],
            env=environment | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_each_worker_of_a_host_takes_a_gpu_of_its_own(one_gpu):
    workers = [one_gpu("echo $CUDA_VISIBLE_DEVICES; exec sleep 60") for _ in range(2)]
    assert sorted(worker.stdout.readline().strip() for worker in workers) == ["0", "1"]
    third = one_gpu("echo never")
    output, error = third.communicate(timeout=10)
    assert (third.returncode, output) == (1, "")
    assert error.strip() == (
        "no GPU is free: each of '0 1' has its worker; start fewer with --scale worker=N"
    )


def test_a_dead_workers_gpu_is_free_again(one_gpu):
    first = one_gpu("echo ready; exec sleep 60", GPUS="3")
    assert first.stdout.readline() == "ready\n"
    first.kill()
    first.wait()
    deadline = time.monotonic() + 5
    while (second := one_gpu("echo $CUDA_VISIBLE_DEVICES", GPUS="3")).wait(10) != 0:
        assert time.monotonic() < deadline
    assert second.stdout.read() == "3\n"


def test_the_gpus_are_those_the_driver_lists(one_gpu, tmp_path):
    fake = tmp_path / "nvidia-smi"
    fake.write_text("#!/bin/sh\nprintf '5\\n6\\n'\n")
    fake.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    worker = one_gpu(shlex.join(["printenv", "CUDA_VISIBLE_DEVICES"]), GPUS="", PATH=path)
    assert worker.communicate(timeout=10)[0] == "5\n"


@pytest.mark.parametrize(
    "smi", ["echo NVIDIA-SMI has failed; exit 9", "echo No devices were found; exit 6", "exit 0"]
)
def test_a_driver_that_lists_none_is_no_gpu(one_gpu, tmp_path, smi):
    """It says on standard output what it lacks: those words were taken for GPUs."""
    fake = tmp_path / "nvidia-smi"
    fake.write_text(f"#!/bin/sh\n{smi}\n")
    fake.chmod(0o755)
    worker = one_gpu("echo never", GPUS="", PATH=f"{tmp_path}:{os.environ['PATH']}")
    output, error = worker.communicate(timeout=10)
    assert (worker.returncode, output) == (1, "")
    assert error.splitlines()[-1] == (
        "no GPU is seen in this container: nvidia-smi must list it on the host, and Docker needs"
        " the NVIDIA Container Toolkit"
    )
