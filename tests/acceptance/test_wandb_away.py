"""W&B hangs while a worker searches: it stops in time, and nothing is missing in the end."""

import signal

import wandb_server

ONE_LONG_TRIAL = (
    *("worker", "--study", "s", "--config", "search.yaml"),
    *("-o", "training.num_train_epochs=12"),
    *("-o", "optuna.n_trials=1"),
    *("-o", "optuna.pruner=none"),
)
STOPS_WITHIN_S = 25  # of a worker's 10; W&B alone would take 30 more


def test_a_worker_stops_in_time_and_w_and_b_gets_one_whole_run(sqlite_machine, until) -> None:
    machine = sqlite_machine
    with wandb_server.serving() as server:
        online = {
            "WANDB_MODE": "online",
            "WANDB_API_KEY": "k3y0" * 10,
            "WANDB_BASE_URL": server.url,
            "WANDB_CONFIG_DIR": str(machine.folder / "config"),
        }
        server.fault = "hang"
        worker = machine.start(*ONE_LONG_TRIAL, **online)
        until(lambda: machine.reports() >= 2)
        worker.send_signal(signal.SIGTERM)
        printed, _ = worker.communicate(timeout=STOPS_WITHIN_S)
        assert worker.returncode == 0, printed
        assert "hpo mirror --study s sends what is missing" in " ".join(printed.split())
        assert server.runs == {}

        server.fault = None
        assert "1 written" in machine.run("mirror", "--study", "s", **online)
        machine.run("worker", "--study", "s", **online)
        ((name, run),) = server.runs.items()
        (trial,) = machine.trials()
        metric = "eval/rouge_combined_f1"
        assert run.curve(metric) == sorted(trial.intermediate_values.items())
        assert (name[-3:], run.state, run.summary["state"]) == ("-t0", "finished", "complete")
