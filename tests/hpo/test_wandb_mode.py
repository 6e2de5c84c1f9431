import logging

import pytest

from hpo.wandb_mode import has_key, resolve_mode

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
