"""What is said of the room that models take."""

from pathlib import Path

import pytest

from hpo.check.disk import Room, disk_finding

MIB = 1024**2


@pytest.mark.parametrize(
    ("trials", "said"),
    [
        (20, "a trial takes up to 8 MiB, 20 trials up to 46 MiB where none is pruned"),
        (1, "a trial takes up to 8 MiB"),
        (0, "a trial takes up to 8 MiB"),
    ],
)
def test_room_is_reckoned_for_the_trials_that_are_yet_to_come(
    tmp_path: Path, trials: int, said: str
) -> None:
    room = Room(tmp_path, None, models=2 * MIB, resume=6 * MIB, trials=trials)
    found = disk_finding(room)
    assert found.text.endswith(f"; {said}")
    assert room.all == (0 if not trials else 2 * MIB * trials + 6 * MIB)
