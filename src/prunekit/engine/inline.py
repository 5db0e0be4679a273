"""Run steps one after the other in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prunekit.engine.failure import report
from prunekit.engine.run import Event
from prunekit.params import Params
from prunekit.progress import SILENT, Named, Progress
from prunekit.registry import Lazy
from prunekit.steps.settings import Settings

if TYPE_CHECKING:
    from prunekit.steps.context import Context

OPEN_CONTEXT = Lazy("prunekit.steps.make:open_context")
MAKE = Lazy("prunekit.steps.make:make")


class Inline:
    """One slot: a submitted batch runs when ``wait`` is called."""

    slots = 1

    def __init__(
        self, settings: Settings, progress: Progress = SILENT, names: Mapping[str, str] | None = None
    ) -> None:
        self._settings = settings
        self._progress, self._names = Named(progress), names or {}
        self._batch: Sequence[Params] = ()
        self._context: Context | None = None

    def submit(self, batch: Sequence[Params]) -> None:
        """Keep the batch for ``wait``."""
        self._batch = batch

    def wait(self, seconds: float | None = None) -> list[Event]:
        """Run the batch, however long it takes; a failure becomes an event."""
        self._context = self._context or OPEN_CONTEXT(self._settings, self._progress)
        keys = tuple(params.key for params in self._batch)
        self._progress.name = self._names.get(keys[0], "")
        try:
            busy = MAKE(self._batch, self._context, wait=False)
        except (Exception, SystemExit) as error:
            return [Event(keys, report(error, keys, Path(self._settings.store)))]
        return [Event(keys, busy=busy)]

    def close(self) -> None:
        """Nothing runs outside ``wait``."""
