"""A worker process: takes batches of steps as JSON lines on stdin and reports on them as JSON lines on stdout.

In: first the settings, then ``{"batch": [[kind, fields], ...]}``. Out: ``{"ready": true}`` or ``{"broken": reason,
"code"}`` once, then ``{"bar": id, "label", "total", "unit"}``, ``{"advance": id, "by", "note"}``, ``{"close": id}``,
and for each batch ``{"busy": keys}`` when it is done or ``{"failed": reason}``. It ends when its stdin does, even
during a step, so that no worker outlives the run that started it.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from prunekit.base.interruption import INTERRUPTED, install
from prunekit.engine.failure import report
from prunekit.params import STEPS, Params
from prunekit.progress import Bar
from prunekit.registry import Lazy
from prunekit.steps.settings import Settings

if TYPE_CHECKING:
    from prunekit.steps.context import Context

SECONDS_BETWEEN_WORDS = 0.1
OPEN_CONTEXT = Lazy("prunekit.steps.make:open_context")
MAKE = Lazy("prunekit.steps.make:make")
Fields = Sequence[Any]


class Wire:
    """Progress reported to another process, a few times a second."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._ids = itertools.count()
        self._lock = threading.Lock()

    def tell(self, **message: Any) -> None:
        """Send one whole message, from any thread."""
        with self._lock:
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
    """Counts silently and reports at intervals."""

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


def packed(batch: Sequence[Params]) -> list[Fields]:
    """A batch as JSON values."""
    return [[params.kind, params.model_dump(mode="json", exclude_defaults=True)] for params in batch]


def unpacked(fields: Sequence[Fields]) -> list[Params]:
    """The batch that ``packed`` wrote."""
    return [STEPS[kind].read(values) for kind, values in fields]


def serve(batch: Sequence[Params], context: Context) -> dict[str, Any]:
    """Make a batch; returns the message about it."""
    try:
        return {"busy": MAKE(batch, context, wait=False)}
    except (Exception, SystemExit) as error:
        return {"failed": report(error, [params.key for params in batch], context.store.root)}


def _listen(inbox: queue.Queue[dict[str, Any]]) -> None:
    """Pass messages on; end this process when the parent is gone."""
    for line in sys.stdin:
        inbox.put(json.loads(line))
    os._exit(0)


def _open(wire: Wire, settings: Settings) -> Context:
    """Load torch and the store; a worker that cannot reports why and ends."""
    try:
        context: Context = OPEN_CONTEXT(settings, wire)
        MAKE.load()
    except (Exception, SystemExit) as error:
        reason = report(error, [f"worker-{os.getpid()}"], Path(settings.store))
        wire.tell(broken=reason, code=getattr(error, "exit_code", 1))
        sys.exit(1)
    wire.tell(ready=True)
    return context


def main() -> None:
    """Serve batches until stdin ends."""
    install()
    wire = Wire(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # what a library prints must not look like a message
    inbox: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(inbox,), daemon=True).start()
    context = _open(wire, Settings(**inbox.get()["settings"]))
    while True:
        wire.tell(**serve(unpacked(inbox.get()["batch"]), context))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # the run is over: whatever could be saved was saved
        os._exit(INTERRUPTED)
