"""The files of a report, by the endings of their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.errors import WrongInput
from hpo.report.compose import compose
from hpo.report.facts import Facts
from hpo.report.head import Told
from hpo.report.markdown import markdown
from hpo.report.plain_study import plain_study
from hpo.standard_output import STANDARD_OUTPUT
from hpo.whole_file import write_whole

if TYPE_CHECKING:
    from hpo.report.plots import Plot

MARKDOWN, PAGE = (".md", ".markdown"), (".html", ".htm")


class NoPlots(WrongInput):
    """The extra that draws plots is not installed."""


def check_targets(targets: Sequence[Path]) -> None:
    """Refuse a file of another kind (WrongInput), and HTML without plotly (NoPlots)."""
    for target in targets:
        if target == STANDARD_OUTPUT:
            continue
        kind = target.suffix.lower()
        if kind not in (*MARKDOWN, *PAGE):
            raise WrongInput(f"--out {target}: the name ends neither in .html nor in .md")
        if kind in PAGE:
            check_plots()


def check_plots() -> None:
    """Raise NoPlots where plotly is not installed."""
    if find_spec("plotly") is None:
        raise NoPlots(
            "HTML needs plotly, which is not installed: pip install 'hpo[report]', or write"
            " Markdown (--out report.md)"
        )


class Writer:
    """Makes a report's texts, each when it is wanted."""

    def __init__(self, facts: Facts, told: Told, environ: Mapping[str, str]) -> None:
        self._study, self._metric = plain_study(facts), facts.metric
        self._report = compose(facts, self._study, told, environ)

    def markdown(self) -> str:
        """The report as Markdown."""
        return markdown(self._report)

    def page(self) -> str:
        """The report as HTML with plots; NoPlots where plotly is not installed."""
        check_plots()
        from hpo.report.page import page  # noqa: PLC0415 - plotly is an extra

        return page(self._report, self._plots)

    def has_plots(self) -> bool:
        """Whether plots can be drawn here."""
        return find_spec("plotly") is not None

    def plots(self) -> dict[str, str]:
        """The plots as plotly's JSON, by their ids; NoPlots where plotly is not installed."""
        check_plots()
        from hpo.report.page import figure_text  # noqa: PLC0415 - plotly is an extra

        return {key: figure_text(plot) for key, plot in self._plots.items()}

    @cached_property
    def _plots(self) -> dict[str, Plot]:
        from hpo.report.plots import plots  # noqa: PLC0415 - plotly is an extra

        return plots(self._study, self._metric)

    def write(self, target: Path) -> None:
        """Write the file as its name ends; Markdown where it is standard output."""
        is_page = target.suffix.lower() in PAGE
        write_whole(target, self.page() if is_page else self.markdown())
