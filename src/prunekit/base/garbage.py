"""Python's garbage collector, slowed down where many long-lived objects are created."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# A drawing creates about ten thousand objects: collect young ones about once per drawing, and all of them rarely.
RARELY = (50_000, 20, 50)


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Collect cyclic garbage rarely enough to cost no time, and often enough to take little memory."""
    before = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
