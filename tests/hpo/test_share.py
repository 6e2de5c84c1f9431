"""A share of a card on its way into a worker."""

from hpo.share import Share


def test_a_worker_gets_its_share_once() -> None:
    environ = Share(3, "/tmp/cards/0").as_environment() | {"HOME": "/"}
    assert Share.take(environ) == Share(3, "/tmp/cards/0")
    assert environ == {"HOME": "/"}
    assert Share.take(environ) is None
