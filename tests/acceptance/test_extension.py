"""A study that is extended while a worker runs on it."""

LONG = ("-o", "optuna.n_trials=1", "-o", "training.num_train_epochs=40", "-o", "optuna.pruner=none")


def test_a_running_worker_takes_up_an_extension(postgres_machine, until) -> None:
    machine = postgres_machine
    machine.call("create", "--study", "s", "--config", "search.yaml", *LONG)
    worker = machine.start("worker", "--study", "s")
    until(lambda: machine.reports() >= 1)
    said = machine.call("create", "--study", "s", "-o", "optuna.n_trials=2")
    assert "extended from 1 trial to 2" in said
    assert "budget is spent" in machine.finish(worker)
    assert len(machine.trials()) == 2
    assert '"budget": 2' in machine.call("status", "--study", "s", "--json")
