"""What a worker prints."""

import io

import pytest
from rich.console import Console

from hpo.progress import Progress, parameters, short


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200, force_terminal=False)


def printed(console: Console) -> list[str]:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.300001e-05, "2.3e-05"), (0.0, "0"), (0.1234567, "0.123"), (16, "16"), ("linear", "linear")],
)
def test_numbers_are_shown_as_people_write_them(value: object, text: str) -> None:
    assert short(value) == text


def test_parameters_are_named_by_their_field_without_the_section() -> None:
    params = {"training.learning_rate": 3e-5, "training.per_device_train_batch_size": 16}
    assert parameters(params) == "learning_rate 3e-05, per_device_train_batch_size 16"


def test_a_trials_life_is_told_line_by_line(console: Console) -> None:
    with Progress(console, metric="rougeL") as progress:
        progress.started(3, {"training.learning_rate": 3e-5})
        progress.evaluated(1, 2, 0.25, 4.5)
        progress.best(0.31, 1)
        progress.evaluated(2, 2, 0.3, 4.25)
        progress.completed(0.3, 2, early=False)
    assert printed(console) == [
        "trial 3 starts: learning_rate 3e-05",
        "  trial 3  epoch 1/2  rougeL 0.2500  loss 4.500  best none yet",
        "  trial 3  epoch 2/2  rougeL 0.3000  loss 4.250  best 0.3100 (trial 1)",
        "trial 3 completed: 0.3000 at epoch 2",
    ]


def test_a_training_without_a_study_names_no_trial(console: Console) -> None:
    progress = Progress(console, metric="rouge1")
    progress.evaluated(1, 1, 0.5, 1.0)
    progress.best(0.5, None)
    progress.evaluated(1, 1, 0.4, 1.0)
    assert printed(console) == [
        "  epoch 1/1  rouge1 0.5000  loss 1.000  best none yet",
        "  epoch 1/1  rouge1 0.4000  loss 1.000  best 0.5000",
    ]


def test_how_a_trial_was_cut_short_is_said_with_the_reason(console: Console) -> None:
    progress = Progress(console, metric="rouge1")
    progress.continued(7, {}, epoch=2.25)
    progress.completed(0.4, 3, early=True)
    progress.started(7, {})
    progress.pruned("median at epoch 6: 0.2131 below 0.2544")
    progress.failed(8, "ValueError: no [brackets] lost")
    progress.started(9, {})
    progress.left()
    progress.lost()
    progress.lost()
    progress.left()
    lines = [line for line in printed(console) if " starts" not in line]
    assert lines[0].startswith("trial 7 continues at epoch 2.25: ")
    assert lines[1].endswith("stopped early: no further gain")
    assert lines[2] == "trial 7 pruned by median at epoch 6: 0.2131 below 0.2544"
    assert lines[3] == "trial 8 failed: ValueError: no [brackets] lost"
    assert "next worker continues it" in lines[4]
    assert lines[5] == "trial 9 dropped: its lease ran out and another worker has it now"
    assert lines[6].startswith("the trial was dropped")
    assert lines[7] == "the trial left as it stands; the next worker continues it"


def test_waiting_is_said_once(console: Console) -> None:
    progress = Progress(console, metric="rouge1")
    progress.waiting(2)
    progress.waiting(1)
    (line,) = printed(console)
    assert "2 trials of other workers" in line


def test_steps_show_on_a_terminal_only() -> None:
    for terminal in (True, False):
        console = Console(file=io.StringIO(), width=80, force_terminal=terminal)
        with Progress(console, metric="rouge1") as progress:
            progress.stepped(10, 10, 2.5)
        shown = "step 10/10" in "\n".join(printed(console))
        assert shown == terminal
