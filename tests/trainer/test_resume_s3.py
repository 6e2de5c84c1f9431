"""Resume states in an S3: a real server on this machine, where moto and s3fs are installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from trainer.errors import TrainerError
from trainer.resume_place import MANIFEST
from trainer.resume_store import open_resume_store
from trainer.write_guard import WriteGuard

moto = pytest.importorskip("moto.server", reason="pip install 's3fs' 'moto[server]' to run it")
s3fs = pytest.importorskip("s3fs", reason="pip install 's3fs' 'moto[server]' to run it")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().makedirs("runs", exist_ok=True)
    yield "s3://runs/hpo"
    server.stop()


def test_states_and_models_come_back_from_s3(bucket: str, tmp_path: Path) -> None:
    store = open_resume_store(bucket, "s/trial_00001")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_bytes(b"weights" * 1_000_000)
    writer = store.attempt("f", WriteGuard(None))
    assert list(writer.states()) == []
    model = writer.put_model(1, tmp_path / "model")
    for step in (1, 2, 3):
        tensors = {"a": torch.full((3_000_000,), step)}  # more than one part of an upload
        writer.put_state(step, 0, values={"step": step}, tensors=tensors, models=[model])
    other = open_resume_store(bucket, "s/trial_00001").attempt("f", WriteGuard(None))
    assert [found.values["step"] for found in other.states()] == [3, 2]
    found = next(other.states())
    assert torch.equal(found.tensors["a"], torch.full((3_000_000,), 3))
    other.fetch_model(model, tmp_path)
    assert (tmp_path / "weights").read_bytes() == b"weights" * 1_000_000
    s3fs.S3FileSystem().rm(f"runs/hpo/s/trial_00001/resume/{found.entry}/{MANIFEST}")
    assert next(other.states()).values["step"] == 2  # without a manifest it is none
    store.clear()
    assert store.place.leftovers() == []


def test_bucket_that_is_not_there_is_refused(bucket: str) -> None:
    with pytest.raises(TrainerError, match="s3://other/hpo cannot be used"):
        open_resume_store("s3://other/hpo", "s/trial_00001")
