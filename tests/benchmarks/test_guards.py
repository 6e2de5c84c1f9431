"""What a guard says, and how often it measures; the guards themselves are in `make check`."""

from benchmarks.guard import Guard, Rounds, Sides, tried
from benchmarks.guards import GUARDS, main


def guard(*sides: float | Sides, at_least: int = 1) -> Guard:
    """Give a guard whose rounds find these, one after the other; a peer takes 1 if not said."""
    left = [each if isinstance(each, tuple) else (each, 1.0) for each in sides]
    rounds = Rounds(lambda: {"calls": left.pop(0)})
    return Guard("growth", rounds, "calls", bound=2.0, mend="read less", at_least=at_least)


def test_a_guard_that_holds_is_measured_once(capsys):
    assert main([guard(1.5)]) == 0
    assert capsys.readouterr().out.split() == ["ok", "growth", "1.500", "at", "most", "2"]


def test_a_machines_bad_moment_fails_nobody():
    assert tried(guard(9.0, 9.0, 1.9)).ok


def test_a_bad_moment_of_the_peer_hides_no_loss():
    assert not tried(guard((3.0, 1.5), (3.0, 1.0), at_least=2), tries=1).ok
    assert tried(guard((5.0, 1.0), (4.0, 3.0), (4.5, 1.0))).value == 4.0


def test_what_has_become_slow_fails_with_the_mend(capsys):
    assert main([guard(4.0, 3.0, 5.0), guard(1.0)]) == 1
    failed, holds = capsys.readouterr().out.splitlines()
    assert failed.startswith("FAILED growth")
    assert failed.endswith("3.000  at most 2; read less")
    assert holds.startswith("ok")


def test_guards_share_the_rounds_of_one_measurement():
    made = []

    def measure() -> dict[str, Sides]:
        made.append(None)
        return {"ask": (1.0, 1.0), "report": (3.0, 1.0)}

    rounds = Rounds(measure)
    ask, report = (
        Guard(call, rounds, call, bound=2.0, mend="read less") for call in ("ask", "report")
    )
    assert tried(ask).ok
    assert len(made) == 1
    assert not tried(report).ok
    assert len(made) == 3


def test_every_guard_names_its_mend():
    assert all(guard.mend for guard in GUARDS)
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)
