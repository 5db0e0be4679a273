"""Where a run reads and writes, and its device, as plain values for a worker process. No torch."""

from __future__ import annotations

import re
from typing import NamedTuple

from prunekit.errors import UsageError

_DEVICE = re.compile(r"cpu|cuda(?::([0-9]{1,4}))?")


class Settings(NamedTuple):
    """``threads`` is the number of CPU threads per step (0: torch chooses); ``force`` are the keys to make again.

    ``remote`` is the URL of the store of which ``store`` is a working copy; empty if there is none.
    """

    store: str
    data: str
    device: str = "cpu"
    threads: int = 0
    force: tuple[str, ...] = ()
    remote: str = ""


def gpu_number(device: str) -> str | None:
    """The GPU number in a device's name; a :class:`UsageError` for a device that prunekit does not support."""
    match = _DEVICE.fullmatch(device)
    if match is None:
        raise UsageError(
            f"device {device!r}: {_why_not(device)}; allowed are cpu, cuda, and cuda:0, cuda:1, ..."
        )
    return match[1]


def _why_not(device: str) -> str:
    if device.startswith("mps"):
        return "Apple's GPUs do not support float64, which comparisons of networks need"
    return "did you mean cuda?" if device.startswith(("gpu", "cud", "nvidia")) else "unknown"
