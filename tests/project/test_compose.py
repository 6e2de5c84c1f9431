"""docker-compose.yml, .env.example and the Dockerfile, checked as far as it goes without Docker.

Against: the compose specification's schema (as check-jsonschema ships it), the real click group,
the variables of .env.example, and the files of the repository.
"""

import re
import subprocess
import sys

import click
import pytest
import yaml

from hpo.cli import main
from hpo.dashboard import access_for
from hpo.dashboard_password import Credentials
from hpo.errors import DashboardError
from storage.url import StorageURL

VARIABLE = re.compile(r"\$\{(\w+)(?:(:?[-?+])([^}]*))?\}")


@pytest.fixture(scope="module")
def text(root):
    return (root / "docker-compose.yml").read_text()


@pytest.fixture(scope="module")
def compose(text):
    return yaml.safe_load(text)


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


def resolve(value):
    """A compose string with every variable unset: its default, or a stand-in where one is asked."""
    return VARIABLE.sub(
        lambda found: found[3] if "-" in (found[2] or "") else f"<{found[1]}>", value
    )


def documented(root):
    """The names in .env.example, commented out ones too."""
    lines = (root / ".env.example").read_text().splitlines()
    return {found[1] for line in lines if (found := re.match(r"#?([A-Z_]+)=", line))}


def passed_through(services):
    """Variables that compose hands on from .env or the shell without naming them in ${}."""
    return {
        name
        for service in services.values()
        for name, value in (service.get("environment") or {}).items()
        if value is None
    }


def test_the_file_is_a_compose_file(root):
    check = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec"),
            str(root / "docker-compose.yml"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stdout + check.stderr


def test_the_schema_would_find_a_wrong_key(root, tmp_path):
    broken = (root / "docker-compose.yml").read_text().replace("healthcheck:", "healthchek:")
    (tmp_path / "docker-compose.yml").write_text(broken)
    check = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec"),
            str(tmp_path / "docker-compose.yml"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 1
    assert "healthchek" in check.stdout


def test_the_services_are_the_four(services):
    assert sorted(services) == ["create", "dashboard", "postgres", "worker"]


@pytest.mark.parametrize("service", ["create", "worker", "dashboard"])
def test_each_command_line_is_one_that_hpo_understands(services, service):
    """Parsed by click itself, with the environment compose gives, and not run."""
    command, *arguments = [resolve(word) for word in services[service]["command"]]
    group = click.Context(main, info_name="hpo")
    found = main.get_command(group, command)
    assert found is not None, f"hpo has no command {command!r}"
    context = found.make_context(command, list(arguments), parent=group)
    if service != "dashboard":
        assert context.params["study"] == "kobart"


def test_the_worker_may_be_scaled(services):
    worker = services["worker"]
    assert "container_name" not in worker
    assert "ports" not in worker


def test_the_worker_reserves_the_gpus_and_takes_one(services):
    (device,) = services["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    assert services["worker"]["entrypoint"] == ["tini", "--", "one-gpu", "hpo"]


def test_the_image_is_built_once_and_never_fetched(services):
    """Docker Hub's name `hpo` is anybody's; a build for each service leaves as many images."""
    assert [name for name, service in services.items() if "build" in service] == ["create"]
    for service in ("worker", "dashboard"):
        assert services[service]["image"] == services["create"]["image"]
        assert services[service]["pull_policy"] == "never"


@pytest.mark.parametrize("service", ["create", "worker", "dashboard"])
def test_our_containers_have_no_privilege_and_gain_none(services, service):
    assert services[service]["cap_drop"] == ["ALL"]
    assert services[service]["security_opt"] == ["no-new-privileges:true"]


def test_nothing_but_the_worker_asks_for_a_gpu(services):
    assert [name for name, service in services.items() if "deploy" in service] == ["worker"]


def test_only_the_dashboard_is_published_and_only_on_this_host(services):
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"dashboard": ["127.0.0.1:${DASHBOARD_PORT:-8080}:8080"]}


def test_the_study_is_made_before_anyone_works_on_it(services):
    assert services["create"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert services["create"]["restart"] == "no"
    for service in ("worker", "dashboard"):
        condition = services[service]["depends_on"]["create"]["condition"]
        assert condition == "service_completed_successfully"


def test_postgres_says_when_it_is_ready_and_keeps_its_data(compose, services):
    postgres = services["postgres"]
    assert postgres["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    (volume,) = postgres["volumes"]
    name, _, path = volume.partition(":")
    assert name in compose["volumes"]
    assert path == "/var/lib/postgresql"  # from version 18 on the image wants this one


def test_every_named_volume_is_declared_and_used(compose, services):
    used = {
        volume.partition(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(("$", ".", "/"))
    }
    assert used == set(compose["volumes"])


def test_a_trial_has_time_to_end_cleanly(services):
    assert services["worker"]["stop_grace_period"] == "2m"


def test_every_variable_is_in_the_example_and_no_other(text, services, root):
    used = {found[1] for found in VARIABLE.finditer(text)} | passed_through(services)
    assert used == documented(root)


@pytest.mark.parametrize(("name", "n_uses"), [("POSTGRES_PASSWORD", 2), ("DASHBOARD_PASSWORD", 1)])
def test_the_passwords_are_asked_for_and_never_have_a_default(text, name, n_uses):
    uses = [found for found in VARIABLE.finditer(text) if found[1] == name]
    assert len(uses) == n_uses
    assert {found[2] for found in uses} == {":?"}


def test_the_dashboard_would_start_as_it_is_configured(services):
    """Beyond loopback it refuses to start without a password; and it never gets --allow-write."""
    dashboard = services["dashboard"]
    environment = {name: resolve(value) for name, value in dashboard["environment"].items()}
    host = dashboard["command"][dashboard["command"].index("--host") + 1]
    with pytest.raises(DashboardError, match="no password"):
        access_for(host, {}, allow_write=False, host_names=())
    access = access_for(host, environment, allow_write=False, host_names=())
    assert access.credentials == Credentials.of("hpo", "<DASHBOARD_PASSWORD>")
    assert "--allow-write" not in dashboard["command"]


def test_the_dashboard_holds_no_secret_that_it_does_not_need(services):
    dashboard = services["dashboard"]
    assert set(dashboard["environment"]) == {
        "HPO_STORAGE",
        "PGPASSWORD",
        "HPO_DASHBOARD_USER",
        "HPO_DASHBOARD_PASSWORD",
        "HPO_DASHBOARD_HOST_NAME",
    }
    assert dashboard["volumes"] == []


def test_the_password_stands_in_no_url_and_no_command(services):
    for service in ("create", "worker", "dashboard"):
        environment = services[service]["environment"]
        assert environment["HPO_STORAGE"] == "postgresql://hpo@postgres:5432/hpo"
        assert "POSTGRES_PASSWORD" not in " ".join(services[service]["command"])
        assert environment["PGPASSWORD"].startswith("${POSTGRES_PASSWORD")


def test_the_storage_url_is_one_that_storage_takes(services):
    url = StorageURL.parse(services["worker"]["environment"]["HPO_STORAGE"])
    assert "postgresql" in url.sqlalchemy


def test_the_example_holds_no_secret(root):
    secrets = re.findall(
        r"^#?\w*(?:PASSWORD|KEY|TOKEN)\w*=(.*)$", (root / ".env.example").read_text(), re.MULTILINE
    )
    assert len(secrets) == 4
    assert set(secrets) == {""}
