"""Real workers that tell a real receiver of their search, together and in turn."""

from pathlib import Path

from acceptance.injected import at
from webhook_server import receiving

EVERY_S = 1.5
QUICK = (
    *("worker", "--study", "s", "--config", "search.yaml"),
    *("-o", "training.num_train_epochs=1"),
    *("-o", "optuna.pruner=none"),
)


def test_two_workers_say_each_thing_once_and_never_two_in_a_minute(
    postgres_machine, tmp_path: Path
) -> None:
    machine = postgres_machine
    minute = f"import storage.turns; storage.turns.EVERY_S = {EVERY_S}"
    with receiving() as receiver:
        environ = at(tmp_path / "minute", "storage.turns:Turns.__init__", minute)
        environ["HPO_WEBHOOK"] = receiver.url
        workers = [machine.start(*QUICK, **environ) for _ in range(2)]
        printed = [machine.finish(worker) for worker in workers]
    best = max(machine.trials(), key=lambda trial: (trial.value, -trial.number))
    bests = [news["best"]["value"] for news in receiver.news if "best" in news]
    assert bests == sorted(set(bests))
    assert bests[-1] == best.value
    ends = [news["end"] for news in receiver.news if "end" in news]
    assert [end["trials"] for end in ends] == [{"complete": 6}]
    assert "end" in receiver.news[-1]
    assert all(gap >= EVERY_S for gap in receiver.gaps)
    assert "mark3d" not in "".join(printed)


def test_a_search_with_a_dead_receiver_is_as_one_without(sqlite_machine, tmp_path: Path) -> None:
    machine = sqlite_machine
    refused = machine.run("worker", "--study", "s", HPO_WEBHOOK="nonsense", status=2)
    assert "HPO_WEBHOOK is no web address" in refused
    assert not (machine.folder / "hpo.db").exists()
    minute = "import storage.turns; storage.turns.EVERY_S = 1.0"
    environ = at(tmp_path / "minute", "storage.turns:Turns.__init__", minute)
    dead = "http://127.0.0.1:9/services/mark3dmark3d"
    printed = machine.run(*QUICK, HPO_WEBHOOK=dead, **environ)
    assert printed.count("no message could be sent to the webhook: Connection refused") == 1
    assert "the budget is spent" in printed
    assert "mark3d" not in printed
    assert [trial.state.name for trial in machine.trials()] == ["COMPLETE"] * 6
