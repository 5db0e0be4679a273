"""Where a run reads and writes and what computes, as plain values that can be sent to a worker process. No torch."""

from __future__ import annotations

from typing import NamedTuple


class Settings(NamedTuple):
    """``threads`` is the number of CPU threads per step (0: as torch chooses); ``force`` the keys to make again.

    ``remote`` is the URL of the store that ``store`` is a working copy of; empty where there is none.
    """

    store: str
    data: str
    device: str = "cpu"
    threads: int = 0
    force: tuple[str, ...] = ()
    remote: str = ""
