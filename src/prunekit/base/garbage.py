"""Python's garbage collector, slowed down where many long-lived objects are created."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# A drawing makes some ten thousand objects: one look at the young ones each, and at all of them hardly ever.
RARELY = (50_000, 20, 50)


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Look for cyclic garbage so rarely that it takes no time, and often enough that it takes little memory."""
    before = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*before)
