"""The device of a run: checked before anything is computed; a lack of memory is a one-line error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from prunekit.errors import PrunekitError, UsageError
from prunekit.steps.settings import gpu_number


def checked(device: str) -> str:
    """``device``, or under torchrun this process's own GPU; a :class:`UsageError` if it cannot compute.

    A named GPU becomes torch's current one, so that code that names none uses it too.
    """
    number = gpu_number(device)
    if device == "cpu":
        return device
    if not torch.cuda.is_available():
        raise UsageError(f"device {device!r}: torch finds no CUDA device (use --device cpu)")
    wanted = number or os.environ.get("LOCAL_RANK")
    if wanted is None:
        return device
    count = torch.cuda.device_count()
    if int(wanted) >= count:
        raise UsageError(f"device 'cuda:{wanted}': this machine has {count} GPUs, cuda:0 to cuda:{count - 1}")
    torch.cuda.set_device(int(wanted))
    return f"cuda:{wanted}"


@contextmanager
def enough_memory(device: str, doing: str) -> Iterator[None]:
    """In the block, a device out of memory raises a one-line :class:`PrunekitError`: the input is not at fault."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise PrunekitError(
            f"{device} has too little memory to {doing} ({reason}): use an idle GPU, a larger one, or "
            "--device cpu"
        ) from error
