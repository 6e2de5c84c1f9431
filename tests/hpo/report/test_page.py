"""The page in a real browser: all plots draw, nothing is asked for, nothing in a name runs."""

import chromium

from hpo.report.head import Told
from hpo.report.plots import PLOTS
from hpo.report.write import Writer

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)> </script> *x* | `y`"


def searched(written, name):
    study = written(name, wandb={"notes": name})
    for number in range(4):
        study.complete([0.1, 0.2 + 0.01 * number, 0.15], rate=1e-4 * (number + 1), batch=8)
    study.pruned([0.05], batch=16)
    study.failed(f"RuntimeError: {name}")
    study.infeasible(name, batch=32)
    study.study.ask()
    return study


def shown(path):
    """What the browser said and asked for, and the page's title and drawn plots."""
    said, asked, plots = [], [], {}
    with chromium.page("about:blank") as page:
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        for plot in page.locator(".plot").all():
            plot.locator("svg.main-svg").first.wait_for()
            plots[plot.get_attribute("id")] = plot.bounding_box()["height"]
        return said, asked, page.title(), plots, page.locator("body").inner_text()


def test_every_plot_draws_and_the_page_asks_for_nothing(written, browser, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "geheim-0123456789")
    study = searched(written, f"{HOSTILE} geheim-0123456789")
    path = tmp_path / "report.html"
    Writer(study.facts(), Told(number=3), {}).write(path)
    assert "geheim-0123456789" not in path.read_text()
    said, asked, title, plots, text = shown(path)
    assert said == []
    assert asked == [path.as_uri()]
    assert title == f"Experiment 3: {HOSTILE} ***"
    assert set(plots) == set(PLOTS)
    assert min(plots.values()) > 300
    assert HOSTILE in text


def test_a_study_without_trials_has_a_page_without_plots(written, tmp_path):
    path = tmp_path / "report.html"
    Writer(written().facts(), Told(), {}).write(path)
    page = path.read_text()
    assert "There is nothing to draw yet." in page
    assert "Plotly" not in page
