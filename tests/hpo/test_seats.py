"""Which worker sits where: the cards, their shares, and the threads of the CPU."""

from pathlib import Path

import pytest

from hpo.errors import HpoError
from hpo.seats import chosen_gpus, seats, threads_each, visible_device
from hpo.share import Share
from trainer.cores import cores

LOCKS = Path("locks")


def test_all_and_lists_become_gpu_numbers() -> None:
    assert chosen_gpus("all", available=3) == ("0", "1", "2")
    assert chosen_gpus("0, 2", available=3) == ("0", "2")


@pytest.mark.parametrize(
    ("wanted", "available", "says"),
    [
        ("all", 0, "no CUDA device"),
        ("0", 0, "no CUDA device"),
        ("0,3", 3, "no GPU '3'; this machine has 0 to 2"),
        ("one", 3, "write all, or numbers such as 0,2"),
        ("0,", 3, "write all, or numbers"),
        ("-1", 3, "write all, or numbers"),
        ("٣", 3, "write all, or numbers"),
        ("0,00", 3, "write all, or numbers"),
        ("1,1", 3, "named twice"),
    ],
)
def test_gpus_that_are_not_there_are_refused(wanted: str, available: int, says: str) -> None:
    with pytest.raises(HpoError, match=says):
        chosen_gpus(wanted, available=available)


def test_a_schedulers_share_of_the_gpus_is_respected() -> None:
    assert visible_device("1", {}) == "1"
    assert visible_device("1", {"CUDA_VISIBLE_DEVICES": "4, GPU-abc"}) == "GPU-abc"


def test_without_gpus_named_it_is_the_one_a_single_worker_would_take() -> None:
    assert chosen_gpus(None, available=4) == ("0",)
    assert chosen_gpus(None, available=0) == ()


def test_each_card_has_a_lock_and_its_workers_have_names() -> None:
    found = seats(("0", "2"), 2, environ={"CUDA_VISIBLE_DEVICES": "5,6,7"}, locks=LOCKS)
    assert [seat.label for seat in found] == ["gpu0.1", "gpu0.2", "gpu2.1", "gpu2.2"]
    assert [seat.environ["CUDA_VISIBLE_DEVICES"] for seat in found] == ["5", "5", "7", "7"]
    shares = [Share.take(dict(seat.environ)) for seat in found]
    assert shares == [Share(2, f"locks/{card}") for card in "0022"]


def test_a_card_for_one_worker_is_not_shared() -> None:
    for gpus, label in ((("1",), "gpu1"), ((), "cpu")):
        (seat,) = seats(gpus, 1, environ={}, locks=LOCKS)
        assert seat.label == label
        assert Share.take(dict(seat.environ)) is None
        assert "OMP_NUM_THREADS" not in seat.environ


def test_a_slice_of_a_card_is_shared_by_its_name() -> None:
    (first, _) = seats(("0",), 2, environ={"CUDA_VISIBLE_DEVICES": "MIG-1f"}, locks=LOCKS)
    assert first.environ["CUDA_VISIBLE_DEVICES"] == "MIG-1f"


def test_without_a_gpu_workers_share_the_cpu_and_its_threads() -> None:
    found = seats((), 2, environ={}, locks=LOCKS)
    assert [seat.label for seat in found] == ["cpu.1", "cpu.2"]
    assert all("CUDA_VISIBLE_DEVICES" not in seat.environ for seat in found)
    assert {seat.environ["OMP_NUM_THREADS"] for seat in found} == {str(max(1, cores() // 2))}


def test_threads_that_are_said_stay() -> None:
    found = seats((), 2, environ={"OMP_NUM_THREADS": "7"}, locks=LOCKS)
    assert all("OMP_NUM_THREADS" not in seat.environ for seat in found)


@pytest.mark.parametrize("given", [None, "", "0", "4,2", "many"])
def test_workers_divide_the_cores_where_nobody_says_how_many_threads(
    given: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpo.seats.cores", lambda: 7)
    environ = {} if given is None else {"OMP_NUM_THREADS": given}
    assert [threads_each(workers, environ) for workers in (1, 2, 8)] == [7, 3, 1]


def test_what_the_environment_says_of_threads_holds_for_each_worker() -> None:
    assert threads_each(8, {"OMP_NUM_THREADS": "4"}) == 4
