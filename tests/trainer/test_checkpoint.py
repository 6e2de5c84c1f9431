"""Kept models: whole or not there, the best of them, no more than the limit."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BartForConditionalGeneration,
    PreTrainedTokenizerFast,
)

from config.schema import Configuration
from trainer.checkpoint import Checkpoints, write_model, write_whole
from trainer.clean import clean
from trainer.data import DataFiles
from trainer.fit import fit
from trainer.model import load_model
from trainer.predict import predict
from trainer.resume_place import link_or_copy
from trainer.session import TrainingSession
from trainer.tokens import decode, load_tokenizer
from trainer.write_guard import WriteGuard


def write(folder: Path) -> None:
    (folder / "settings.yaml").write_text("x")


def offer(checkpoints: Checkpoints, values: list[float]) -> list[str]:
    for number, value in enumerate(values, start=1):
        if checkpoints.admits(value):
            checkpoints.keep(number, value, write)
    return sorted(path.name for path in checkpoints.folder.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_model_that_another_user_has_shared_is_taken_over() -> None:
    """A link to it is made, whose mode only that user may change."""
    nobody = 65534
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "weights").write_bytes(b"theirs")
        (folder / "weights").chmod(0o666)
        os.seteuid(nobody)
        try:
            write_whole(
                folder / "model",
                lambda partial: link_or_copy(folder / "weights", partial / "weights"),
            )
        finally:
            os.seteuid(0)
        assert (folder / "model/weights").read_bytes() == b"theirs"


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_folder_that_the_locale_spells_otherwise_than_utf_8_is_refused(locale: str) -> None:
    """What saves weights would look for it under another name, and every trial would fail."""
    tries = """
import os
from pathlib import Path
from trainer.checkpoint import check_name
from trainer.errors import TrainerError
for name in ("outputs/plain", "outputs/\\uc694\\uc57d", os.fsdecode(b"\\xbf\\xe4")):
    try:
        check_name(Path(name))
        print("taken")
    except TrainerError as error:
        print("LC_ALL=C.UTF-8" in str(error))
"""
    ended = subprocess.run(
        [sys.executable, "-c", tries],
        env=os.environ | {"LC_ALL": locale, "PYTHONUTF8": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    korean = "taken" if locale == "C.UTF-8" else "True"
    assert ended.stdout.split() == ["taken", korean, "True"]


@pytest.mark.parametrize(
    ("limit", "values", "kept"),
    [
        (1, [0.1, 0.3, 0.2], [2]),
        (1, [0.3, 0.3, 0.3], [1]),
        (2, [0.1, 0.3, 0.2, 0.0], [2, 3]),
        (2, [0.5, 0.1, 0.2, 0.3], [1, 4]),
        (5, [0.5, 0.1], [1, 2]),
    ],
)
def test_best_models_are_kept(
    tmp_path: Path, limit: int, values: list[float], kept: list[int]
) -> None:
    names = offer(Checkpoints(tmp_path, limit=limit), values)
    assert names == [f"evaluation-{number}" for number in kept]


def test_a_folder_that_is_not_there_is_cleared_without_asking(tmp_path: Path) -> None:
    asked: list[str] = []
    guard = WriteGuard(lambda: asked.append("may I"))
    checkpoints = Checkpoints(tmp_path / "trial", limit=1, guard=guard)
    checkpoints.clear()
    assert (asked, checkpoints.folder.exists()) == ([], False)
    assert offer(checkpoints, [0.5]) == ["evaluation-1"]
    assert asked
    asked.clear()
    checkpoints.clear()
    assert asked
    assert list(checkpoints.folder.iterdir()) == []


def test_failed_write_leaves_nothing_and_spares_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "evaluation-1"
    write_whole(place, write)

    def fail(folder: Path) -> None:
        write(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(place, fail)
    assert [path.name for path in tmp_path.iterdir()] == ["evaluation-1"]
    assert (place / "settings.yaml").read_text() == "x"


def test_killed_process_leaves_no_folder_that_could_be_taken_for_a_model(tmp_path: Path) -> None:
    """Killed for real, while it writes the second of three files."""

    def write_half(folder: Path) -> None:
        (folder / "config.json").write_text("{}")
        (folder / "settings.yaml").write_text("ha")
        os.kill(os.getpid(), signal.SIGKILL)

    checkpoints = Checkpoints(tmp_path, limit=2)
    checkpoints.keep(1, 0.1, write)
    keeping = get_context("fork").Process(target=checkpoints.keep, args=(2, 0.5, write_half))
    keeping.start()
    keeping.join()
    assert keeping.exitcode == -signal.SIGKILL
    assert [path.suffix for path in tmp_path.glob(".*")] == [".partial"]
    left = [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")]
    assert left == ["evaluation-1"]
    Checkpoints(tmp_path, limit=2).clear()
    assert list(tmp_path.iterdir()) == []


def test_failed_write_costs_no_model_that_was_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, limit=1)
    checkpoints.keep(1, 0.1, write)

    def full_disk(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        checkpoints.keep(2, 0.9, full_disk)
    assert [path.name for path in tmp_path.iterdir()] == ["evaluation-1"]
    checkpoints.keep(3, 0.5, write)
    assert [path.name for path in tmp_path.iterdir()] == ["evaluation-3"]


@given(
    values=st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3]), min_size=1, max_size=12),
    limit=st.integers(1, 4),
)
def test_the_best_is_always_among_the_kept_and_of_equals_the_oldest(
    values: list[float], limit: int
) -> None:
    with TemporaryDirectory() as folder:
        names = offer(Checkpoints(Path(folder), limit=limit), values)
    order = sorted(range(len(values)), key=lambda index: (-values[index], index))
    assert names == sorted(f"evaluation-{index + 1}" for index in order[:limit])


def test_clearing_takes_only_what_is_ours(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "out", limit=1)
    checkpoints.clear()
    offer(checkpoints, [0.1])
    (tmp_path / "out" / "evaluation-mine").mkdir()
    (tmp_path / "out" / ".evaluation-2.abc.partial").mkdir()
    (tmp_path / "out" / "scores.json").write_text("{}")
    checkpoints.clear()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["evaluation-mine"]


@pytest.mark.parametrize(
    ("umask", "folder", "file"), [(0o022, 0o755, 0o644), (0o077, 0o700, 0o600)]
)
def test_who_may_read_what_is_kept_the_umask_says(
    tmp_path: Path, umask: int, folder: int, file: int
) -> None:
    def private(folder: Path) -> None:
        write(folder)
        (folder / "settings.yaml").chmod(0o400)

    before = os.umask(umask)
    try:
        write_whole(tmp_path / "model", private)
    finally:
        os.umask(before)
    assert (tmp_path / "model").stat().st_mode & 0o777 == folder
    assert (tmp_path / "model" / "settings.yaml").stat().st_mode & 0o777 == file


def test_written_model_is_read_back_the_same(
    tiny_config: Callable[..., Configuration], tmp_path: Path
) -> None:
    config = tiny_config()
    tokenizer = load_tokenizer(config)
    model = load_model(config, tokenizer)
    model.config.use_cache = False
    write_model(tmp_path, model=model, tokenizer=tokenizer, settings="a: 1\n")
    again = BartForConditionalGeneration.from_pretrained(tmp_path)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    assert json.loads((tmp_path / "config.json").read_text())["use_cache"] is True
    assert model.config.use_cache is False
    assert again.generation_config.decoder_start_token_id == 2
    assert not list(tmp_path.glob("*.bin"))


def test_kept_model_is_anyones_to_load(
    tiny_config: Callable[..., Configuration], data_files: DataFiles, tmp_path: Path
) -> None:
    """With transformers alone: the same ids, the same summaries, the tags kept."""
    config = tiny_config(
        training={"num_train_epochs": 3, "learning_rate": 1e-2},
        generation={"num_beams": 2, "max_new_tokens": 24},
    )
    session = TrainingSession(data_files, tmp_path / "cache")
    result = fit(config, lambda _: True, session=session, output_dir=tmp_path / "out")
    folder = result.checkpoint
    ours = session.tokenizer(config)
    texts = [clean(e.dialogue, config.preprocessing.cleaning) for e in session.dev]
    split = session.dev_split(config)
    for kind in (AutoTokenizer, PreTrainedTokenizerFast):
        theirs = kind.from_pretrained(folder)
        assert theirs.get_vocab() == ours.get_vocab()
        for text, row in zip(texts, split.input_ids, strict=True):
            ids = theirs(text, add_special_tokens=False)["input_ids"]
            assert [*ids, theirs.eos_token_id] == row
        assert (theirs.eos_token_id, theirs.pad_token_id) == (1, 3)
        assert len(theirs("#Person1#", add_special_tokens=False)["input_ids"]) == 1
    predictions = predict(folder, data_files.dev)
    assert predictions[0].summary
    for kind in (BartForConditionalGeneration, AutoModelForSeq2SeqLM):
        model = kind.from_pretrained(folder)
        assert isinstance(model, BartForConditionalGeneration)
        row = split.input_ids[0]
        [generated] = model.generate(torch.tensor([row])).tolist()  # the kept settings, no others
        assert decode(ours, generated) == predictions[0].summary
