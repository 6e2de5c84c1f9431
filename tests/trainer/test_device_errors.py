"""What torch's errors are taken for: memory that ran out, a device that is lost, or neither."""

import gc
import weakref

import pytest
import torch

from trainer.device_errors import (
    device_errors_named,
    drop_tensors,
    is_device_lost,
    is_out_of_memory,
)
from trainer.errors import DeviceLost, DeviceTaken, OutOfMemory

CUBLAS = "CUDA error: CUBLAS_STATUS_{} when calling `cublasCreate(handle)`"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has"),
        torch.AcceleratorError("CUDA error: out of memory"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously"),
        RuntimeError(CUBLAS.format("ALLOC_FAILED")),
        RuntimeError(CUBLAS.format("NOT_INITIALIZED")),
        RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("could not create a primitive"),
        RuntimeError('NVML_SUCCESS == r INTERNAL ASSERT FAILED at "/pytorch/c10/cuda/CUDACachingA'),
        MemoryError(),
    ],
)
def test_memory_that_ran_out_is_the_trainings_limit_and_not_a_lost_device(
    error: Exception,
) -> None:
    assert is_out_of_memory(error)
    assert not is_device_lost(error)
    with pytest.raises(OutOfMemory, match="does not fit in the memory"), device_errors_named():
        raise error


def test_memory_that_others_hold_is_no_property_of_the_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("trainer.device_errors.crowded", lambda: DeviceTaken("others hold it"))
    with pytest.raises(DeviceTaken, match="others hold it"), device_errors_named():
        raise torch.OutOfMemoryError("CUDA out of memory.")


def test_a_card_that_another_process_has_to_itself_is_no_fault_of_the_training() -> None:
    busy = "CUDA error: CUDA-capable device(s) is/are busy or unavailable\nSearch for"
    with pytest.raises(DeviceTaken, match="to itself") as caught, device_errors_named():
        raise torch.AcceleratorError(busy)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("CUDA error: device-side assert triggered"),
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("CUDA error: uncorrectable ECC error encountered"),
        RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
        RuntimeError("Triton Error [CUDA]: unspecified launch failure"),
    ],
)
def test_errors_that_poison_the_process_are_a_lost_device(error: Exception) -> None:
    assert is_device_lost(error)
    assert not is_out_of_memory(error)
    with pytest.raises(DeviceLost, match="a new process") as caught, device_errors_named():
        raise error
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes cannot be multiplied"), ValueError("CUDA error"), KeyError("x")]
)
def test_other_errors_pass_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, device_errors_named():
        raise error
    assert caught.value is error


def test_a_real_allocation_that_the_cpu_refuses_is_memory() -> None:
    with pytest.raises(OutOfMemory), device_errors_named():
        torch.empty(2**60, dtype=torch.uint8)


def test_an_error_lets_go_of_the_tensors_it_passed() -> None:
    alive: list[weakref.ref[torch.Tensor]] = []

    def step() -> None:
        activations = torch.zeros(8)
        alive.append(weakref.ref(activations))
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError) as caught:
        step()
    gc.collect()
    assert alive[0]() is not None
    drop_tensors(caught.value)
    assert alive[0]() is None
