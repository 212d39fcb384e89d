"""What torch's devices make of an error: memory that ran out, a context that is of no more use."""

from __future__ import annotations

import gc
import sys
import traceback
from typing import Any

from seer_runtime.wire.pb.runtime_pb2 import Failure

# A CUDA context that has seen one of these answers every later call with an error.
_POISON = (
    "device-side assert",
    "illegal memory access",
    "illegal instruction",
    "misaligned address",
    "unspecified launch failure",
    "hardware stack error",
)


def describe_device(error: BaseException, failure: Failure) -> bool:
    """Say in `failure` what the error means for its device; tell whether the worker must end."""
    if _is_out_of_memory(error):
        failure.kind = Failure.OUT_OF_MEMORY
        failure.message += _figures()
        failure.hint = (
            "give it less at once, use a smaller model or dtype, or a GPU with more memory"
        )
        _free_memory(error)
    elif _is_poisoned(error):
        failure.state = Failure.LOST
        failure.hint = (
            "the GPU is of no more use to this worker, which is started anew; "
            "CUDA_LAUNCH_BLOCKING=1 in SandboxConfig(env=...) shows where it happened"
        )
        return True
    return False


def _is_out_of_memory(error: BaseException) -> bool:
    kind = getattr(sys.modules.get("torch"), "OutOfMemoryError", None)
    return kind is not None and isinstance(error, kind)


def _is_poisoned(error: BaseException) -> bool:
    text = str(error) if isinstance(error, RuntimeError) else ""
    return "CUDA error" in text and any(each in text for each in _POISON)


def _cuda() -> Any:
    """Give torch's CUDA where it is in use."""
    torch: Any = sys.modules["torch"]
    return torch.cuda if torch.cuda.is_available() and torch.cuda.is_initialized() else None


def _figures() -> str:
    cuda = _cuda()
    if cuda is None:
        return ""
    free, total = cuda.mem_get_info()
    used = {"allocated": cuda.memory_allocated(), "reserved": cuda.memory_reserved()}
    sizes = {**used, "free": free, "in all": total}
    return " (" + ", ".join(f"{size / 2**30:.2f} GiB {what}" for what, size in sizes.items()) + ")"


def _free_memory(error: BaseException) -> None:
    """Let go of what the frames of the error hold, and of what torch keeps for later."""
    traceback.clear_frames(error.__traceback__)
    gc.collect()
    cuda = _cuda()
    if cuda is not None:
        cuda.empty_cache()
