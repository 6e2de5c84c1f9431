from types import SimpleNamespace

import pytest

from benchmarks.one_card import on_one_card


@pytest.mark.parametrize(("visible", "used"), [(0, 0), (1, 1), (4, 1)])
def test_a_peer_trains_on_one_card_of_many_as_hpo_does(visible: int, used: int):
    assert on_one_card(SimpleNamespace(n_gpu=visible))._n_gpu == used
