"""`hpo baseline` from the dev set to the score: what is asked, what it cost, what it is worth."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from config.counting import counted
from config.schema import Configuration
from hpo.baseline.answers import Answers
from hpo.baseline.asking import Asking
from hpo.baseline.chat import Answer, Failing, Refused
from hpo.baseline.endpoint import Endpoint
from hpo.baseline.prompt import body, draw_examples, messages, summary_of
from hpo.baseline.result import Baseline
from hpo.errors import HpoError
from hpo.stop import StopRequest
from hpo.whole_file import write_whole
from trainer.data import DataFiles, Example, read_examples
from trainer.rouge import RougeScorer

PER = 1_000_000  # tokens that a price is for

Say = Callable[[str], None]


@dataclass(frozen=True)
class Prices:
    """What a million tokens cost, of prompts and of answers, in any one currency."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return what so many tokens cost."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / PER


@dataclass(frozen=True)
class Request:
    """Which model is asked, and how: `examples` dialogues of train are shown with their summaries.

    `parameters` go into each request beside the model and the messages; None takes one out.
    """

    endpoint: Endpoint
    model: str
    examples: int
    concurrency: int
    timeout_s: float
    prices: Prices | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


def run_baseline(
    request: Request,
    config: Configuration,
    files: DataFiles,
    folder: Path,
    *,
    stop: StopRequest,
    say: Say,
) -> tuple[Baseline, Path]:
    """Ask for a summary of each dev dialogue, score them, and write the result into `folder`.

    Answers are kept in `folder`/answers as they come. Raises HpoError where an answer cannot be
    had, and Stopped; both leave the answers so far for the next run.
    """
    train = read_examples(files.train, need_summary=True)
    dev = read_examples(files.dev, need_summary=True)
    shown = draw_examples(train, request.examples, seed=config.general.seed)
    bodies = [
        body(request.model, messages(shown, each.dialogue), parameters=request.parameters)
        for each in dev
    ]
    answers = Answers(folder / "answers")
    with _alone(answers.folder):
        asking = Asking(request.endpoint, answers, request.concurrency, request.timeout_s)
        try:
            found = asking.ask_all(bodies, stop=stop, say=say)
        except (Failing, Refused) as error:
            raise HpoError(f"{error}; answers so far are kept, the same command goes on") from error
    summaries = [summary_of(answer.text) for answer in found]
    baseline = _scored(request, config, dev, summaries, found, shown=len(shown))
    path = folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', request.model)}.json"
    _write(path, baseline, dev, summaries, [each.fname for each in shown])
    return baseline, path


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder of answers, so that two runs never ask the same."""
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise HpoError(
            f"another hpo baseline is at work in {folder.parent}; wait for it"
        ) from error
    except OSError as error:
        raise HpoError(f"cannot write in {folder}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def _scored(
    request: Request,
    config: Configuration,
    dev: Sequence[Example],
    summaries: Sequence[str],
    answers: Sequence[Answer],
    *,
    shown: int,
) -> Baseline:
    scorer = RougeScorer(config.metric.tokenizer)
    scores = scorer.score(summaries, [example.summaries for example in dev])
    given = {id(answer): answer for answer in answers}.values()  # what comes twice is asked once
    prompt = sum(answer.prompt_tokens or 0 for answer in given)
    completion = sum(answer.completion_tokens or 0 for answer in given)
    uncounted = sum(None in (answer.prompt_tokens, answer.completion_tokens) for answer in given)
    return Baseline(
        model=request.model,
        endpoint=request.endpoint.url,
        metric=config.metric.name,
        value=scores.value(config.metric.name),
        scores=asdict(scores),
        dialogues=len(dev),
        examples=shown,
        prompt_tokens=prompt,
        completion_tokens=completion,
        uncounted=uncounted,
        cost=None if request.prices is None else request.prices.of(prompt, completion),
        cut=sum(answer.finish == "length" for answer in given),
    )


def _write(
    path: Path,
    baseline: Baseline,
    dev: Sequence[Example],
    summaries: Sequence[str],
    shown: Sequence[str],
) -> None:
    pairs = zip(dev, summaries, strict=True)
    whole = {
        **baseline.as_mapping(),
        "shown": list(shown),
        "summaries": {example.fname: summary for example, summary in pairs},
    }
    write_whole(path, json.dumps(whole, ensure_ascii=False, indent=2) + "\n")


def report(baseline: Baseline, best: float | None, path: Path) -> list[str]:
    """What is told at the end; `best` is the search's best value so far, None: there is none."""
    beside = "" if best is None else f"; the best trial has {best:.4f}"
    tokens = f"{baseline.prompt_tokens:,} prompt and {baseline.completion_tokens:,} answer tokens"
    score = f"{baseline.model}: {baseline.metric} {baseline.value:.4f}"
    examples = counted(baseline.examples, "example")
    asked = f"{counted(baseline.dialogues, 'dev dialogue')}, {examples} shown"
    lines = [
        f"{score} on {asked}{beside}",
        tokens if baseline.cost is None else f"{tokens}, cost {baseline.cost:.4g}",
    ]
    if baseline.uncounted:
        lines.append(
            f"{counted(baseline.uncounted, 'answer')} came without a count: the true sum is higher"
        )
    if baseline.cut:
        lines.append(f"cut off: {counted(baseline.cut, 'answer')}; -p max_tokens=N allows more")
    return [*lines, f"written to {path}"]
