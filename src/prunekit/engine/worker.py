"""A worker process: takes batches of steps as JSON lines on stdin, tells of them as JSON lines on stdout.

In: ``{"batch": [[kind, fields], ...]}``. Out: ``{"bar": id, "label", "total", "unit"}``, ``{"advance": id, "by",
"note"}``, ``{"close": id}``, ``{"done": true}`` or ``{"failed": reason}``. It ends when its stdin does, even in
mid-step, so that no worker outlives the run that started it.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TextIO

from prunekit.engine.failure import report
from prunekit.params import STEPS
from prunekit.progress import Bar
from prunekit.steps.make import make, open_context
from prunekit.steps.settings import Settings

SECONDS_BETWEEN_WORDS = 0.1


class Wire:
    """Progress told to another process, a few times a second."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._ids = itertools.count()

    def tell(self, **message: Any) -> None:
        """Send one message."""
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()

    def bar(self, label: str, total: int, unit: str = "images") -> AbstractContextManager[Bar]:
        """A bar that the parent process draws."""
        return self._bar(label, total, unit)

    @contextmanager
    def _bar(self, label: str, total: int, unit: str) -> Iterator[Bar]:
        number = next(self._ids)
        self.tell(bar=number, label=label, total=total, unit=unit)
        try:
            yield WireBar(self, number)
        finally:
            self.tell(close=number)


class WireBar:
    """Counts up silently and speaks when enough time has passed."""

    def __init__(self, wire: Wire, number: int) -> None:
        self._wire, self._number = wire, number
        self._pending, self._spoke = 0, 0.0

    def advance(self, amount: int = 1, *, note: str = "") -> None:
        """Count ``amount`` more units as done."""
        self._pending += amount
        now = time.monotonic()
        if now - self._spoke >= SECONDS_BETWEEN_WORDS:
            self._wire.tell(advance=self._number, by=self._pending, note=note)
            self._pending, self._spoke = 0, now


def _listen(inbox: queue.Queue[dict[str, Any]]) -> None:
    """Pass messages on; when the parent is gone, so is this process."""
    for line in sys.stdin:
        inbox.put(json.loads(line))
    os._exit(0)


def main() -> None:
    """Serve batches until stdin ends; the settings are the first message."""
    wire = Wire(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # what a library prints must not look like a message
    inbox: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(inbox,), daemon=True).start()
    first = inbox.get()
    settings = Settings(**first["settings"])
    context = open_context(settings, wire)
    while True:
        batch = [STEPS[kind].read(fields) for kind, fields in inbox.get()["batch"]]
        try:
            make(batch, context)
        except Exception as error:
            wire.tell(failed=report(error, [params.key for params in batch], Path(settings.store)))
        else:
            wire.tell(done=True)


if __name__ == "__main__":
    main()
