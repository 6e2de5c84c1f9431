"""Failures are grouped by what went wrong."""

from hpo.report.document import Table, Text
from hpo.report.failures import failures


def test_reasons_that_differ_in_numbers_are_one_and_the_commonest_comes_first(written):
    study = written()
    study.failed("OSError: disk full")
    for megabytes in (12, 34):
        study.infeasible(f"needs {megabytes} MB more")
    (table,) = failures(study.facts()).blocks
    assert isinstance(table, Table)
    assert table.rows == (
        ("infeasible", "2", "1, 2", "needs 12 MB more"),
        ("failed", "1", "0", "OSError: disk full"),
    )


def test_no_failure_is_said_so(written):
    (text,) = failures(written().facts()).blocks
    assert text == Text("No trial failed, and all settings could be trained.")
