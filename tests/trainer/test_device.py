"""Device and precision: what is chosen, and the reason that is told."""

import pytest
import torch

from trainer.device import (
    Precision,
    PrecisionName,
    check_kernels,
    cpu_precision,
    cpu_threads,
    device_name,
    has_amx,
    pick_device,
    pick_precision,
    precision_of,
    without_kernels,
)
from trainer.errors import TrainerError

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("wanted", "capability", "name"),
    [
        ("auto", (8, 0), "bf16"),
        ("auto", (9, 0), "bf16"),
        ("auto", (7, 5), "fp16"),
        ("auto", (7, 0), "fp16"),
        ("auto", (6, 1), "fp32"),
        ("bf16", (8, 6), "bf16"),
        ("bf16", (7, 0), "fp16"),
        ("fp16", (9, 0), "fp16"),
        ("fp32", (9, 0), "fp32"),
    ],
)
def test_card_decides_the_precision(wanted: str, capability: tuple[int, int], name: str) -> None:
    assert precision_of(wanted, card="Card", capability=capability).name == name


@pytest.mark.parametrize(
    ("wanted", "capability", "reason"),
    [
        ("auto", (8, 0), "Card has compute capability 8.0"),
        ("auto", (7, 0), "Card has compute capability 7.0, bf16 needs 8.0"),
        ("auto", (6, 1), "Card has compute capability 6.1, bf16 needs 8.0 and fast fp16 needs 7.0"),
        ("bf16", (9, 0), "bf16 is configured"),
        ("bf16", (7, 5), "Card has compute capability 7.5, bf16 needs 8.0"),
        ("bf16", (5, 2), "Card has compute capability 5.2, bf16 needs 8.0 and fast fp16 needs 7.0"),
        ("fp16", (8, 0), "fp16 is configured"),
        ("fp32", (9, 0), "fp32 is configured"),
    ],
)
def test_reason_says_whose_decision_it_was(
    wanted: str, capability: tuple[int, int], reason: str
) -> None:
    assert precision_of(wanted, card="Card", capability=capability).reason == reason


@pytest.fixture
def v100(monkeypatch: pytest.MonkeyPatch) -> torch.device:
    """A machine with one card of capability 7.0, as far as can be asked."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Tesla V100")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 0))
    return torch.device("cuda", 0)


def test_first_card_is_taken_and_asked(v100: torch.device) -> None:
    assert pick_device() == v100
    assert device_name(v100) == "Tesla V100"
    assert pick_precision("auto", v100) == Precision(
        "fp16", "Tesla V100 has compute capability 7.0, bf16 needs 8.0"
    )
    assert pick_precision("fp32", v100).name == "fp32"


def test_machine_without_a_card_computes_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device() == CPU


def test_reason_names_the_card_and_its_capability() -> None:
    precision = precision_of("auto", card="Tesla T4", capability=(7, 5))
    assert precision.reason == "Tesla T4 has compute capability 7.5, bf16 needs 8.0"


@pytest.mark.parametrize(
    ("wanted", "has_amx", "expected"),
    [
        ("auto", True, Precision("bf16", "the CPU has AMX")),
        ("fp16", True, Precision("bf16", "the CPU has AMX")),
        ("bf16", True, Precision("bf16", "bf16 is configured")),
        ("fp32", True, Precision("fp32", "fp32 is configured")),
        ("auto", False, Precision("fp32", "the CPU has no AMX")),
        ("fp16", False, Precision("fp32", "the CPU has no AMX, fp16 needs it")),
        ("bf16", False, Precision("fp32", "the CPU has no AMX, bf16 needs it")),
        ("fp32", False, Precision("fp32", "fp32 is configured")),
    ],
)
def test_cpu_takes_bf16_where_it_has_units_for_it(
    wanted: str, has_amx: bool, expected: Precision
) -> None:
    assert cpu_precision(wanted, has_amx=has_amx) == expected


def test_this_cpu_is_asked() -> None:
    assert pick_precision("auto", CPU) == cpu_precision("auto", has_amx=has_amx())


def test_a_torch_that_knows_nothing_of_its_cpu_takes_it_for_one_without_amx(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert pick_precision("auto", CPU) == Precision("fp32", "the CPU has no AMX")


def test_model_on_a_cpu_is_never_run_in_bf16() -> None:
    """Only products with the vocabulary are, and those see to it themselves."""
    product = torch.nn.Linear(4, 4)
    for name in ("fp32", "bf16"):
        with Precision(name, "").autocast(CPU):
            assert product(torch.ones(1, 4)).dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16), ("fp32", torch.float32)]
)
def test_a_card_multiplies_in_the_precision_and_a_cpu_in_single(
    name: PrecisionName, dtype: torch.dtype
) -> None:
    assert Precision(name, "").dtype(torch.device("cuda", 0)) is dtype
    assert Precision(name, "").dtype(CPU) is torch.float32


CUDA_13 = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120")


@pytest.mark.parametrize(
    ("capability", "there"),
    [
        ((7, 0), False),
        ((7, 5), True),
        ((8, 0), True),
        ((8, 9), True),  # by those for 8.6
        ((9, 0), True),
        ((10, 3), True),
        ((11, 0), False),
        ((12, 1), True),
        ((13, 0), True),  # compiled on the card
    ],
)
def test_kernels_of_an_architecture_serve_its_later_minors(
    capability: tuple[int, int], *, there: bool
) -> None:
    assert (without_kernels("Card", capability, CUDA_13) is None) == there
    assert without_kernels("Card", capability, ()) is None


def test_a_card_without_kernels_is_refused(
    v100: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_arch_list", list)  # as of a build without CUDA
    check_kernels(v100)
    check_kernels(CPU)
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: list(CUDA_13))
    with pytest.raises(TrainerError, match=r"Tesla V100 has compute capability 7\.0, and torch"):
        check_kernels(v100)


def test_threads_return_even_after_an_error() -> None:
    before = torch.get_num_threads()
    used: list[int] = []

    def fail() -> None:
        with cpu_threads(before + 2) as threads:
            used.extend([threads, torch.get_num_threads()])
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fail()
    assert used == [before + 2, before + 2]
    assert torch.get_num_threads() == before


def test_no_wish_leaves_torchs_own_threads() -> None:
    with cpu_threads(None) as used:
        assert used == torch.get_num_threads()


def test_cpu_is_called_cpu() -> None:
    assert device_name(CPU) == "cpu"
