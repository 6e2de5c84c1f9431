"""What `model.name` means: a folder, or a model whose files the hub or its cache gives."""

import socket
import time
from pathlib import Path

import pytest
from fake_hub import FakeHub
from huggingface_hub import constants

from trainer.errors import ModelNotFound
from trainer.hub import TOKENIZER_FILES, model_folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def refusal(name: str) -> str:
    with pytest.raises(ModelNotFound) as refused:
        model_folder(name, files=TOKENIZER_FILES)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def put_in_cache(cache: Path, name: str) -> Path:
    """Lay a snapshot down as another program's download left it."""
    repository = cache / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "tokenizer.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    return snapshot


def test_no_test_asks_the_real_hub() -> None:
    """The library reads its environment once, when it is imported: before pytest's hooks."""
    assert constants.HF_HUB_OFFLINE


def test_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert model_folder(str(tmp_path), files=TOKENIZER_FILES) == tmp_path
    assert (model_folder("sample:model", files=TOKENIZER_FILES) / "config.json").is_file()


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/kobart", "~/nowhere", "a/b/c"])
def test_folder_that_is_not_there_is_named_without_asking_the_hub(name: str) -> None:
    assert refusal(name) == f"there is no folder {name}, which model.name gives"


@pytest.mark.usefixtures("hub_cache")
@pytest.mark.parametrize("name", ["gogamza/no-such-kobart", "not a model"])
def test_model_that_the_hub_cannot_give_is_refused_at_once(name: str) -> None:
    started = time.monotonic()
    message = refusal(name)
    assert time.monotonic() - started < 3  # 0.1 s when measured; the libraries' own way takes 25
    assert message.startswith(f"model.name {name!r} is no folder here, and the Hugging Face hub ")
    assert message.endswith("; check the name and the network, or give a folder")


@pytest.mark.usefixtures("hub_cache")
def test_hub_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that opens and stays silent, as through many a firewall."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr("trainer.hub.ANSWER_S", 0.2)
        started = time.monotonic()
        assert "timed out" in refusal("team/kobart")
        assert time.monotonic() - started < 3


def test_model_that_the_hub_does_not_have_is_told_plainly(hub: FakeHub) -> None:
    message = refusal("team/unheard-of")
    assert "did not give it: it has no such model, or shows it only to its members;" in message


def test_only_what_is_asked_for_is_fetched(hub: FakeHub, tiny_model: Path) -> None:
    hub.put(tiny_model)
    folder = model_folder(hub.name, files=TOKENIZER_FILES)
    assert sorted(hub.fetched) == ["tokenizer.json", "tokenizer_config.json"]
    assert (folder / "tokenizer.json").read_bytes() == hub.files["tokenizer.json"]
    assert not (folder / "config.json").exists()


def test_what_was_fetched_serves_without_the_hub(
    hub: FakeHub, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put(tiny_model)
    folder = model_folder(hub.name, files=TOKENIZER_FILES)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert model_folder(hub.name, files=TOKENIZER_FILES) == folder
    with pytest.raises(ModelNotFound, match="offline mode is enabled"):
        model_folder(hub.name, files=("config.json",))


def test_model_in_the_cache_needs_no_network(hub_cache: Path) -> None:
    snapshot = put_in_cache(hub_cache, "gogamza/kobart-base-v2")
    started = time.monotonic()
    assert model_folder("gogamza/kobart-base-v2", files=TOKENIZER_FILES) == snapshot
    assert time.monotonic() - started < 3


def test_model_in_the_cache_serves_when_the_hub_has_it_no_longer(
    hub: FakeHub, hub_cache: Path
) -> None:
    snapshot = put_in_cache(hub_cache, "team/withdrawn")
    assert model_folder("team/withdrawn", files=TOKENIZER_FILES) == snapshot
