"""A report's Markdown shows names as they are, and no secret."""

from hpo.report.document import Link, Plots, Points, Report, Section, Table, Text
from hpo.report.markdown import markdown


def test_blocks_are_written_as_markdown():
    report = Report(
        "E 1",
        (
            Section("A", (Text("one"), Link("there", "https://x.example/a_b"))),
            Section("B", (Table(("a", "b"), (("1", "2"),)), Points(("do it",), boxes=True))),
            Section("C", (Plots(),)),
        ),
    )
    assert markdown(report) == (
        "# E 1\n\n## A\n\none\n\n[there](https://x.example/a_b)\n\n## B\n\n"
        "| a | b |\n| :--- | :--- |\n| 1 | 2 |\n\n- [ ] do it\n"
    )


def test_nothing_in_a_name_passes_for_markdown_or_html(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "geheim-0123456789")
    hostile = "<b>*x*</b> | `y` [z](javascript:1)\n# geheim-0123456789"
    text = markdown(Report(hostile, (Section(hostile, (Table((hostile,), ((hostile,),)),)),)))
    shown = r"\<b\>\*x\*\</b\> \| \`y\` \[z\](javascript:1) # \*\*\*"
    assert text.splitlines()[0] == f"# {shown}"
    assert text.splitlines()[4] == f"| {shown} |"
    assert "geheim" not in text
