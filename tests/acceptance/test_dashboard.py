"""`hpo dashboard` in a real browser, on a study that workers really ran."""

import socket

import chromium

SHORT = ("-o", "optuna.n_trials=2", "-o", "optuna.pruner=none")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_dashboard_shows_the_trials_that_a_worker_ran(sqlite_machine, until, browser) -> None:
    machine = sqlite_machine
    machine.call("create", "--study", "s", "--config", "search.yaml", *SHORT)
    machine.run("worker", "--study", "s")
    first, second = machine.trials()
    port = free_port()
    dashboard = machine.start("dashboard", "--port", str(port))
    until(lambda: answers(port))

    address = f"http://127.0.0.1:{port}/dashboard"
    with chromium.page(f"{address}/studies/1/trials?numbers=0") as page:
        page.get_by_text("2 Trials").wait_for()
        for trial in (first, second):
            page.get_by_text(f"Trial {trial.number}", exact=True).first.wait_for()
        page.get_by_text("Samples of the best evaluation").wait_for()
        note = page.locator("main").inner_text()
    assert f"{first.value:.4f}" in note
    assert "training.learning_rate" in note

    dashboard.terminate()
    assert "Dashboard ended" in machine.finish(dashboard)
