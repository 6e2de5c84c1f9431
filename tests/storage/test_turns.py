"""Whose turn it is to send a message: never two within a minute, nothing said twice or lost."""

import threading

import optuna
import pytest
import sqlalchemy as sa

from storage.connect import connect
from storage.errors import NoDatabase
from storage.tables import STUDY_ATTRIBUTES
from storage.turns import EVERY_S, SENDING_S, TURN, NotYet, Turn, Turns
from storage.url import StorageURL


@pytest.fixture
def database(tables, url: StorageURL):
    with connect(url) as opened:
        yield opened


@pytest.fixture
def study_id(database) -> int:
    study = optuna.create_study(study_name="s", storage=database.storage)
    return study._study_id


def move_back(database, seconds: float) -> None:
    """Let the last turn look as if it had been so many seconds earlier."""
    query = sa.select(STUDY_ATTRIBUTES.c.value_json).where(STUDY_ATTRIBUTES.c.key == TURN)
    with database.writing() as connection:
        text = connection.execute(query).scalar_one()
        at = float(text.split('"at": ')[1].split(",")[0].rstrip("}"))
        changed = STUDY_ATTRIBUTES.update().where(STUDY_ATTRIBUTES.c.key == TURN)
        new = text.replace(f'"at": {at!r}', f'"at": {at - seconds!r}')
        assert new != text
        connection.execute(changed.values(value_json=new))


def test_a_turn_comes_once_a_minute_over_all_workers(database, study_id) -> None:
    one, other = Turns(database, study_id), Turns(database, study_id)
    turn = one.take(None)
    assert isinstance(turn, Turn)
    while_sending = other.take(None)
    assert isinstance(while_sending, NotYet)
    assert EVERY_S < while_sending.seconds <= EVERY_S + SENDING_S
    one.end(turn, {"best": 3})
    after = other.take({"best": 3})
    assert isinstance(after, NotYet)
    assert EVERY_S - 5 < after.seconds <= EVERY_S
    move_back(database, EVERY_S)
    assert isinstance(other.take({"best": 3}), Turn)


def test_who_did_not_see_what_was_said_last_has_to_look_again(database, study_id) -> None:
    turns = Turns(database, study_id, every_s=0.0)
    turn = turns.take(None)
    assert isinstance(turn, Turn)
    turns.end(turn, {"best": 3})
    assert turns.take(None) == NotYet(0.0)
    assert turns.told() == {"best": 3}
    assert isinstance(turns.take({"best": 3}), Turn)


def test_what_could_not_be_sent_is_not_told_and_waits_its_minute(database, study_id) -> None:
    turns = Turns(database, study_id)
    turn = turns.take(None)
    assert isinstance(turn, Turn)
    turns.end(turn, None)
    assert turns.told() is None
    assert isinstance(turns.take(None), NotYet)
    move_back(database, EVERY_S)
    assert isinstance(turns.take(None), Turn)


def test_a_turn_whose_worker_died_passes_on(database, study_id) -> None:
    turns = Turns(database, study_id)
    dead = turns.take(None)
    assert isinstance(dead, Turn)
    move_back(database, EVERY_S + SENDING_S)
    assert isinstance(turns.take(None), Turn)
    turns.end(dead, {"best": 1})  # it was only asleep: what it says now counts for nothing
    assert turns.told() is None


def test_of_many_who_ask_at_once_one_has_the_turn(url, database, study_id) -> None:
    got: list[Turn | NotYet] = []

    def ask() -> None:
        with connect(url) as opened:
            got.append(Turns(opened, study_id).take(None))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, Turn) for one in got) == 1
    assert len(got) == 8


def test_a_deleted_study_has_no_turns(database, study_id) -> None:
    database.storage.delete_study(study_id)
    with pytest.raises(NoDatabase):
        Turns(database, study_id).take(None)
