"""How long a resume state takes at KoBART's size: `python tests/trainer/measure_resume.py ROOT`.

Random weights, filled AdamW moments: 123.86 M parameters, 1.49 GB. ROOT: a folder or a URL.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from transformers import BartConfig, BartForConditionalGeneration

from trainer.checkpoint import Checkpoints
from trainer.resume import ResumeStates
from trainer.resume_store import open_resume_store
from trainer.rng import rng_states
from trainer.snapshot import Position, Snapshot, named_weights, set_optimizer, set_weights
from trainer.write_guard import WriteGuard

say = sys.stdout.write
REPEATS = 5
KOBART = BartConfig(
    vocab_size=30_000,
    d_model=768,
    encoder_layers=6,
    decoder_layers=6,
    encoder_ffn_dim=3072,
    decoder_ffn_dim=3072,
    encoder_attention_heads=16,
    decoder_attention_heads=16,
    max_position_embeddings=1026,
)


def measure(root: str) -> None:
    model = BartForConditionalGeneration(KOBART)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    optimizer.zero_grad()
    size = sum(p.numel() for p in model.parameters())
    saves, models, restores = [], [], []
    store = open_resume_store(root, "measure")
    with tempfile.TemporaryDirectory(dir=root if "://" not in root else None) as folder:
        checkpoints = Checkpoints(Path(folder), limit=1)
        states = ResumeStates(store.attempt("f", WriteGuard(None)), checkpoints)
        assert states.restore(lambda _: None) is None
        for step in range(1, REPEATS + 1):
            snapshot = Snapshot(
                Position(step, 1.0, (), 1e-4),
                named_weights(model),
                optimizer.state_dict(),
                {},
                None,
                rng_states(),
            )
            if step == 1:
                states.checkpoints.keep(1, 0.5, model.save_pretrained)
                began = time.perf_counter()
                states.attempt.put_model(9, states.checkpoints.place(1))
                models.append(time.perf_counter() - began)
            began = time.perf_counter()
            states.save(snapshot, (), seconds=1.0)
            saves.append(time.perf_counter() - began)
        for _ in range(REPEATS):
            again = ResumeStates(store.attempt("f", WriteGuard(None)), checkpoints)
            began = time.perf_counter()
            saved = again.restore(lambda found: set_weights(model, found.weights))
            assert saved is not None
            set_optimizer(optimizer, saved.snapshot.optimizer)
            restores.append(time.perf_counter() - began)
    store.clear()
    say(f"{size / 1e6:.2f} M parameters in {root.partition('://')[0]}, {REPEATS} repeats\n")
    for what, times in (("save", saves), ("keep a model", models), ("restore", restores)):
        listed = " ".join(f"{each:.2f}" for each in times)
        say(f"{what}: median {statistics.median(times):.2f} s ({listed})\n")


if __name__ == "__main__":
    measure(sys.argv[1])
