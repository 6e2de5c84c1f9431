"""Nothing is collected during the imports, everything is again afterwards."""

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hpo.quick_imports import uncollected


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_collects_nothing_inside_and_everything_afterwards() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_collects_again_when_an_import_fails() -> None:
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_was_imported_is_not_looked_at_again() -> None:
    code = (
        "import gc\n"
        "from hpo.quick_imports import uncollected\n"
        "with uncollected():\n"
        "    import decimal\n"
        "assert gc.get_freeze_count() > 1000\n"
        "assert decimal.Decimal.__dict__ is not None\n"
        "assert len(gc.get_objects()) < 1000"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
