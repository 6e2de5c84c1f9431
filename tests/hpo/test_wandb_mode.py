import logging

import pytest

from config.load import from_mapping
from hpo import study as studies
from hpo.commands.worker import _wandb_mode
from hpo.errors import WrongInput
from hpo.wandb_mode import check_environment, has_key, resolve_mode

SPACE = {"training.weight_decay": {"low": 0.0, "high": 0.1}}
KEY = {"WANDB_API_KEY": "0123456789"}


def netrc(path, host):
    path.write_text(f"machine {host}\n  login user\n  password 0123456789\n")
    return path


@pytest.mark.parametrize(
    ("configured", "environ", "mode"),
    [
        ("auto", {}, "offline"),
        ("auto", KEY, "online"),
        ("auto", {"WANDB_IDENTITY_TOKEN_FILE": "/token"}, "online"),
        ("online", KEY, "online"),
        ("offline", KEY, "offline"),
        ("disabled", KEY, "disabled"),
        ("auto", KEY | {"WANDB_MODE": "offline"}, "offline"),
        ("disabled", KEY | {"WANDB_MODE": "online"}, "online"),
        ("online", KEY | {"WANDB_MODE": "disabled"}, "disabled"),
        ("online", KEY | {"WANDB_MODE": "dryrun"}, "offline"),
        ("auto", KEY | {"WANDB_MODE": "nonsense"}, "online"),
    ],
)
def test_the_environment_comes_before_the_configuration_and_a_key_decides_auto(
    configured, environ, mode, tmp_path
):
    assert resolve_mode(configured, {"HOME": str(tmp_path), **environ}) == mode


def test_online_without_a_key_writes_offline_and_says_how_to_log_in(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert resolve_mode("online", {"HOME": str(tmp_path)}) == "offline"
    assert "wandb login" in caplog.text


def test_a_login_in_the_netrc_file_is_a_key(tmp_path):
    netrc(tmp_path / ".netrc", "api.wandb.ai")
    assert has_key({"HOME": str(tmp_path)})


def test_netrc_names_another_file(tmp_path):
    file = netrc(tmp_path / "elsewhere", "api.wandb.ai")
    assert has_key({"HOME": "/nowhere", "NETRC": str(file)})


def test_a_login_at_another_server_is_no_key(tmp_path):
    netrc(tmp_path / ".netrc", "api.wandb.ai")
    assert not has_key({"HOME": str(tmp_path), "WANDB_BASE_URL": "https://wandb.example.com"})


def test_the_server_of_wandbs_own_settings_is_the_one_looked_for(tmp_path):
    netrc(tmp_path / ".netrc", "wandb.example.com")
    settings = tmp_path / ".config/wandb/settings"
    settings.parent.mkdir(parents=True)
    settings.write_text("[default]\nbase_url = https://wandb.example.com\n")
    assert has_key({"HOME": str(tmp_path)})


@pytest.mark.parametrize("content", ["machine", "machine api.wandb.ai login x", "\udcff"])
def test_a_broken_netrc_file_is_no_key(tmp_path, content):
    (tmp_path / ".netrc").write_bytes(content.encode(errors="surrogateescape"))
    assert not has_key({"HOME": str(tmp_path)})


def test_a_broken_settings_file_does_no_harm(tmp_path):
    netrc(tmp_path / ".netrc", "api.wandb.ai")
    settings = tmp_path / "settings"
    settings.write_bytes(b"\xff\xfe not ini")
    assert has_key({"HOME": str(tmp_path), "WANDB_CONFIG_DIR": str(tmp_path)})


@pytest.mark.parametrize("mode", ["", "disabled"])
def test_a_server_that_is_never_asked_may_have_any_address(mode):
    environ = {"WANDB_BASE_URL": "wandb.local", "WANDB_MODE": mode}
    check_environment(environ, lambda: "disabled")


def test_no_address_is_refused_where_the_environment_switches_wandb_on():
    environ = {"WANDB_BASE_URL": "wandb.local", "WANDB_MODE": "online"}
    with pytest.raises(WrongInput, match="WANDB_BASE_URL is no server's address"):
        check_environment(environ, lambda: "disabled")


def test_a_worker_asks_the_study_whether_wandb_is_used(database):
    config = from_mapping({"wandb": {"mode": "disabled"}, "optuna": {"search_space": SPACE}})
    studies.create(database, "s", config, data_fingerprint="f" * 64)
    storage = database.url.sqlalchemy
    assert _wandb_mode(storage, "s", None, ()) == _wandb_mode(storage, None, None, ()) == "disabled"
    assert _wandb_mode(storage, "kobart", None, ()) == "auto"
    assert _wandb_mode(storage, "demo", None, ("wandb.mode=disabled",)) == "disabled"
    assert _wandb_mode(storage, "none such", None, ()) == "auto"


def test_a_user_id_without_a_name_and_a_home_has_no_key(monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.getuid", lambda: 4_294_967_290)
    assert not has_key({})
