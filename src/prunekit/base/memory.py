"""The C library's memory, kept while equal steps allocate and free the same tensors again and again."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

# Parameters of mallopt in glibc, while memory is kept and afterwards (the most that glibc itself would reach).
TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4
KEPT = {TRIM_THRESHOLD: 2**31 - 1, MMAP_MAX: 0}
AFTERWARDS = {MMAP_THRESHOLD: 2**25, TRIM_THRESHOLD: 2**26, MMAP_MAX: 2**16}
# Free bytes that stay: to return a little and fill it again would take longer than pruning a small network.
FEW = 2**26
# The user's own settings, which stay.
SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "GLIBC_TUNABLES")


class _Blocks:
    """How many blocks are open, in all threads: the first keeps the memory, and the last returns it."""

    def __init__(self) -> None:
        self.lock, self.open = Lock(), 0


_BLOCKS = _Blocks()


@contextmanager
def memory_kept() -> Iterator[None]:
    """In the block, freed memory stays with the process; after the outermost one the system gets it back, if it is more
    than ``FEW`` bytes.

    Also a decorator. Otherwise glibc returns large tensors when they are freed, and the system fills their pages with
    zeros in the next step. With another C library, or settings of the user's own, it changes nothing.
    """
    library = _glibc()
    if library is None:
        yield
        return
    with _BLOCKS.lock:
        _BLOCKS.open += 1
        if _BLOCKS.open == 1:
            _set(library, KEPT)
    try:
        yield
    finally:
        with _BLOCKS.lock:
            _BLOCKS.open -= 1
            if not _BLOCKS.open:
                _set(library, AFTERWARDS)
                if _free(library) > FEW:
                    library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux" or any(name in os.environ for name in SETTINGS):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None


class _Heap(ctypes.Structure):
    """What glibc's mallinfo2 tells; ``fordblks``: free bytes in all arenas."""

    _fields_ = (("others", ctypes.c_size_t * 8), ("fordblks", ctypes.c_size_t), ("keepcost", ctypes.c_size_t))


def _free(library: ctypes.CDLL) -> float:
    """The bytes that the C library holds free; infinite if it cannot tell (before glibc 2.33)."""
    if not hasattr(library, "mallinfo2"):
        return float("inf")
    library.mallinfo2.restype = _Heap
    return int(library.mallinfo2().fordblks)


def _set(library: ctypes.CDLL, values: Mapping[int, int]) -> None:
    for parameter, value in values.items():
        library.mallopt(parameter, value)
