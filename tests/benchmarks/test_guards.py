"""What a guard says, and how often it measures; the guards themselves are in `make check`."""

from benchmarks.guards import GUARDS, Guard, main, tried


def guard(*values: float) -> Guard:
    """Give a guard whose measurements are these, one after the other."""
    left = list(values)
    return Guard("growth", lambda: left.pop(0), bound=2.0, mend="read less")


def test_a_guard_that_holds_is_measured_once(capsys):
    assert main([guard(1.5)]) == 0
    assert capsys.readouterr().out.split() == ["ok", "growth", "1.500", "at", "most", "2"]


def test_a_machines_bad_moment_fails_nobody():
    assert tried(guard(9.0, 9.0, 1.9)).ok


def test_what_has_become_slow_fails_with_the_mend(capsys):
    assert main([guard(4.0, 3.0, 5.0), guard(1.0)]) == 1
    failed, holds = capsys.readouterr().out.splitlines()
    assert failed.startswith("FAILED growth")
    assert failed.endswith("3.000  at most 2; read less")
    assert holds.startswith("ok")


def test_every_guard_names_its_mend():
    assert all(guard.mend for guard in GUARDS)
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)
