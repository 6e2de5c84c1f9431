"""Which of torch's errors say that memory ran out, and which that the device is lost.

torch, cuBLAS and cuDNN raise plain RuntimeErrors for both, so their texts are read. Memory comes
first: CUDA's own "out of memory" leaves the device usable, what else it raises does not.
"""

import gc
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from trainer.device import cuda_in_use
from trainer.errors import DeviceLost, DeviceTaken, OutOfMemory, first_line
from trainer.memory_share import crowded

NO_MEMORY = (
    "out of memory",
    "can't allocate memory",  # the CPU's allocator
    "not enough memory",  # the same on Windows
    "could not create a primitive",  # oneDNN, which wants memory for the code of its products
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate",  # its workspace did not fit
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUSOLVER_STATUS_ALLOC_FAILED",
    "NVML_SUCCESS == ",  # on a MIG slice torch may not ask who holds the memory that ran out
)
BUSY = "busy or unavailable"  # to be had by one process alone, which another one is
LOST = (
    "CUDA error",
    "CUDA driver error",
    "Triton Error [CUDA]",
    "device-side assert",
    "illegal memory access",
    "unspecified launch failure",
    "uncorrectable ECC error",
    "CUBLAS_STATUS_EXECUTION_FAILED",
    "CUBLAS_STATUS_INTERNAL_ERROR",
    "CUBLAS_STATUS_MAPPING_ERROR",
    "CUDNN_STATUS_EXECUTION_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR",
    "CUDNN_STATUS_MAPPING_ERROR",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether memory ran out: with less at once, the same may work."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in NO_MEMORY)


def is_device_lost(error: BaseException) -> bool:
    """Say whether every further call to the device would fail in this process."""
    if not isinstance(error, RuntimeError) or is_out_of_memory(error):
        return False
    return isinstance(error, torch.AcceleratorError) or any(text in str(error) for text in LOST)


@contextmanager
def device_errors_named() -> Iterator[None]:
    """Raise OutOfMemory, DeviceTaken and DeviceLost for torch's errors; others pass unchanged."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            drop_tensors(error)
            if taken := crowded():
                raise taken from error
            raise OutOfMemory(
                f"the training does not fit in the memory of the device ({first_line(error)}); "
                "use a smaller model, or a device with more memory"
            ) from error
        if BUSY in str(error):
            raise DeviceTaken(
                "another process has the card to itself, or it is switched off for programs"
                f" ({first_line(error)}); see nvidia-smi, or choose another card"
            ) from error
        if is_device_lost(error):
            raise DeviceLost(
                f"the device cannot be used again in this process ({first_line(error)}); "
                "a new process can go on"
            ) from error
        raise


def drop_tensors(error: BaseException) -> None:
    """Empty the frames that an error passed through: they hold the tensors of the failed step."""
    traceback.clear_frames(error.__traceback__)


def free_memory() -> None:
    """Give what no tensor uses back to the device; an error that is still handled holds tensors."""
    gc.collect()  # a graph may hang in a cycle
    if cuda_in_use():
        torch.cuda.empty_cache()
