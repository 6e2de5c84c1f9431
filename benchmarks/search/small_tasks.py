"""Record small tasks of our own as TaskSet's are recorded: many configurations of Adam on each.

    python -m benchmarks.search.small_tasks FOLDER    # writes a file a task, some minutes each

`python -m benchmarks.search --curves FOLDER` reads them. Of the files by name every second one,
from the first, may be used to choose; the others are for one look afterwards.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.search.curves import TEXT_RNN_SPACE
from benchmarks.search.small_data import (
    Examples,
    dialogues,
    modules,
    next_character,
    patches,
    pictures,
    prose,
    sequences,
    table,
    turned,
)
from benchmarks.search.stacked import (
    Network,
    attention,
    bag_of_words,
    convolution,
    perceptron,
    recurrent,
)
from benchmarks.search.stacked_training import EVALUATIONS, curves
from config.space import FloatEntry

DIGITS = 5  # of a loss, as TaskSet's files have


@dataclass(frozen=True)
class SmallTask:
    """A network on examples."""

    name: str
    examples: Callable[[], Examples]
    network: Callable[[Examples], Network]
    batch: int = 32


def _rnn(cell: str, hidden: int = 8, *, average: bool = False) -> Callable[[Examples], Network]:
    return lambda e: recurrent(
        cell,
        vocabulary=e.vocabulary or 0,
        size=6,
        hidden=hidden,
        classes=e.classes,
        average=average,
    )


def _mlp(*hidden: int, tanh: bool = False) -> Callable[[Examples], Network]:
    return lambda e: perceptron(
        features=e.inputs.shape[1], hidden=hidden, classes=e.classes, tanh=tanh
    )


def _attention(size: int) -> Callable[[Examples], Network]:
    return lambda e: attention(
        vocabulary=e.vocabulary or 0, length=e.inputs.shape[1], size=size, classes=e.classes
    )


def _bag(size: int) -> Callable[[Examples], Network]:
    return lambda e: bag_of_words(
        vocabulary=e.vocabulary or 0, size=size, hidden=2 * size, classes=e.classes
    )


def _convolution(channels: int) -> Callable[[Examples], Network]:
    return lambda e: convolution(channels=channels, classes=e.classes)


def _or_prose(name: str, length: int = 12) -> Callable[[], Examples]:
    return lambda: patches([*modules(name), prose()], length=length, vocabulary=48, seed=len(name))


def _sequence(rule: str, length: int) -> Callable[[], Examples]:
    return lambda: sequences(rule, length=length, seed=1)


def _prose_follows(length: int) -> Callable[[], Examples]:
    return lambda: next_character(prose(), length=length, vocabulary=32, seed=2)


def _source_follows(length: int) -> Callable[[], Examples]:
    return lambda: next_character(modules("unittest")[0], length=length, vocabulary=32, seed=3)


def _turned(length: int) -> Callable[[], Examples]:
    return lambda: turned(prose(), length=length, vocabulary=40, seed=4)


def _topics(length: int) -> Callable[[], Examples]:
    return lambda: patches(dialogues(), length=length, vocabulary=128, seed=5)


def _korean_follows(length: int) -> Callable[[], Examples]:
    return lambda: next_character("\n".join(dialogues()), length=length, vocabulary=64, seed=6)


def _table(name: str, seed: int, noisy_labels: float = 0.0) -> Callable[[], Examples]:
    return lambda: table(name, seed=seed, noisy_labels=noisy_labels)


TASKS = (
    SmallTask("lstm_average_asyncio_or_prose", _or_prose("asyncio"), _rnn("lstm", average=True)),
    SmallTask("lstm_average_prose_follows", _prose_follows(8), _rnn("lstm", average=True)),
    SmallTask("gru_last_prose_follows", _prose_follows(8), _rnn("gru")),
    SmallTask("gru_last_email_or_prose", _or_prose("email"), _rnn("gru")),
    SmallTask("irnn_last_logging_or_prose", _or_prose("logging"), _rnn("irnn", 12)),
    SmallTask("irnn_last_sum", _sequence("sum", 8), _rnn("irnn", 12)),
    SmallTask("vrnn_relu_average_first", _sequence("first", 8), _rnn("vrnn_relu", average=True)),
    SmallTask(
        "vrnn_relu_average_idlelib_or_prose", _or_prose("idlelib"), _rnn("vrnn_relu", average=True)
    ),
    SmallTask("vrnn_tanh_last_turned", _turned(10), _rnn("vrnn_tanh", 12)),
    SmallTask("vrnn_tanh_last_source_follows", _source_follows(8), _rnn("vrnn_tanh", 12)),
    SmallTask("lstm_last_more", _sequence("more", 12), _rnn("lstm")),
    SmallTask("lstm_last_topics", _topics(12), _rnn("lstm")),
    SmallTask("gru_average_topics", _topics(12), _rnn("gru", average=True)),
    SmallTask("gru_average_korean_follows", _korean_follows(8), _rnn("gru", average=True)),
    SmallTask("perceptron_digits", _table("digits", 1, 0.2), _mlp(24, 24)),
    SmallTask("perceptron_pictures", lambda: pictures(1), _mlp(24, 24)),
    SmallTask("convolution_pictures", lambda: pictures(2), _convolution(6)),
    SmallTask("convolution_digits", _table("digits", 2), _convolution(6)),
    SmallTask("attention_korean_follows", _korean_follows(8), _attention(10)),
    SmallTask("attention_first", _sequence("first", 8), _attention(10)),
    SmallTask("bag_email_or_prose", _or_prose("email", 16), _bag(12)),
    SmallTask("bag_prose_follows", _prose_follows(4), _bag(12)),
    SmallTask("perceptron_tanh_diabetes", _table("diabetes", 3), _mlp(16, 16, tanh=True)),
    SmallTask(
        "perceptron_tanh_breast_cancer", _table("breast_cancer", 4, 0.1), _mlp(16, 16, tanh=True)
    ),
)
"""Neighbours have the same network and other examples: one may choose, the other confirms."""


def configurations(count: int, seed: str) -> list[dict[str, float]]:
    """Drawn as TaskSet's Adam8p."""
    chance = random.Random(seed)
    entries = {n: e for n, e in TEXT_RNN_SPACE.items() if isinstance(e, FloatEntry)}
    return [
        {n: e.low * (e.high / e.low) ** chance.random() for n, e in entries.items()}
        for _ in range(count)
    ]


def recorded(task: SmallTask, *, count: int, between: int, seed: int) -> list[dict[str, Any]]:
    """The task's rows as TaskSet's files have them; None from where a loss is no number."""
    drawn = configurations(count, f"{task.name}:{seed}")
    torch.manual_seed(seed)
    examples = task.examples()
    losses = curves(task.network(examples), examples, drawn, batch=task.batch, between=between)
    rows = []
    for params, curve in zip(drawn, losses.tolist(), strict=True):
        hp = {n.removeprefix("one_minus_"): 1 - v if "beta" in n else v for n, v in params.items()}
        finite = [round(x, DIGITS) if abs(x) < float("inf") else None for x in curve]
        ended = finite.index(None) if None in finite else EVALUATIONS
        rows.append({"hp": hp, "valid_loss": finite[:ended] + [None] * (EVALUATIONS - ended)})
    return rows


def main() -> None:
    """Write the tasks that the folder lacks."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search.small_tasks", description=__doc__
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--configurations", type=int, default=200)
    parser.add_argument(
        "--between", type=int, default=20, help="steps from one evaluation to the next"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--tasks", type=int, nargs="+", default=range(len(TASKS)), help="by their numbers"
    )
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    given.folder.mkdir(parents=True, exist_ok=True)
    for number in given.tasks:
        path = given.folder / f"{number:02}_{TASKS[number].name}.json"
        if path.exists():
            continue
        began = time.monotonic()
        rows = recorded(
            TASKS[number], count=given.configurations, between=given.between, seed=given.seed
        )
        path.write_text(json.dumps(rows), "utf-8")
        print(f"{path.name}: {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
