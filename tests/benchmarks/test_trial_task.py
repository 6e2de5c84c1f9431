import csv
from pathlib import Path

from small_training import TINY

from benchmarks.trial.padding import waste_of
from benchmarks.trial.task import SAMPLE_DATA, SAMPLE_MODEL, Size, Source, Task, evenly
from trainer.data import Example
from trainer.encode import EncodedSplit, Ragged


def test_even_steps_keep_the_distribution_of_lengths():
    examples = [Example(str(size), "가" * size, ("나",)) for size in range(1, 101)]
    lengths = [len(each.dialogue) for each in evenly(examples, 10)]
    assert lengths == [6, 16, 26, 36, 46, 56, 66, 76, 86, 96]
    assert evenly(examples, 1_000) == examples


def test_task_starts_from_saved_weights_and_keeps_the_rows_asked_for(tmp_path: Path):
    lengths = {"max_position_embeddings": 600}
    size = Size(12, 4, 1, 1e-3, architecture={**TINY, **lengths})
    task = Task(Source(SAMPLE_DATA, SAMPLE_MODEL, tmp_path, threads=1), size, seed=7)
    with (tmp_path / "data-12-4" / "train.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 12
    assert task.config.model.init == "pretrained"
    assert (Path(task.config.model.name) / "model.safetensors").is_file()
    assert len(task.session.dev_split(task.config)) == 4


def test_waste_is_the_share_of_padding_in_the_batches():
    rows = Ragged.of([[5] * 8, [5] * 4])
    split = EncodedSplit(input_ids=rows, labels=rows, cut_inputs=0, cut_labels=0)
    waste = waste_of(split, batch=2, seed=0)
    assert (waste.encoder, waste.decoder, waste.whole) == (0.25, 0.25, 0.25)
