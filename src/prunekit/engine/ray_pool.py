"""Run steps on a Ray cluster: one remote task per batch, the store on a file system that every node sees.

Batches travel as JSON values and results as keys and lines, so that only functions of this module pass between
processes; a task whose worker or node dies is tried once more by Ray itself.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from prunekit.engine.pool import ATTEMPTS, threads_each
from prunekit.engine.run import Event
from prunekit.engine.worker import OPEN_CONTEXT, Fields, packed, serve, unpacked
from prunekit.errors import PrunekitError, UsageError, reason
from prunekit.params import Params
from prunekit.progress import SILENT
from prunekit.steps.settings import Settings

if TYPE_CHECKING:
    from prunekit.steps.context import Context

SECONDS_TO_ANSWER = 10
INSTALL = "the ray executor needs Ray: pip install 'prunekit[ray]'"


def remote(fields: Sequence[Fields], settings: Sequence[Any]) -> dict[str, Any]:
    """Make a batch in a worker process of the cluster; returns the message about it."""
    try:
        context = _context(Settings(*settings))
    except (Exception, SystemExit) as error:
        return {"broken": reason(error), "code": getattr(error, "exit_code", 1)}
    return serve(unpacked(fields), context)


@cache
def _context(settings: Settings) -> Context:
    """The context of the steps, opened once per process; the GPU chosen by Ray is the first that the process sees."""
    context: Context = OPEN_CONTEXT(settings, SILENT)
    return context


class RayPool:
    """``slots`` batches at a time; each asks Ray for its CPU threads and, on ``cuda``, its share of a GPU."""

    def __init__(
        self, settings: Settings, *, jobs: int, address: str | None = None, per_gpu: int = 1
    ) -> None:
        self._ray = _ray()
        _connect(self._ray, address)
        self.slots = jobs
        threads = threads_each(settings.threads, jobs)
        store, data = (str(Path(place).resolve()) for place in (settings.store, settings.data))
        self._settings = settings._replace(store=store, data=data, threads=threads)
        gpus = 1 / per_gpu if settings.device.startswith("cuda") else 0
        # Unlimited calls: otherwise each GPU task gets a new process and loads torch and the data again.
        how = {"num_cpus": threads, "num_gpus": gpus, "max_retries": ATTEMPTS - 1, "max_calls": 0}
        self._task = self._ray.remote(**how)(remote)
        self._running: dict[Any, tuple[str, ...]] = {}

    def submit(self, batch: Sequence[Params]) -> None:
        """Start a remote task."""
        reference = self._task.remote(packed(batch), tuple(self._settings))
        self._running[reference] = tuple(params.key for params in batch)

    def wait(self, seconds: float | None = None) -> list[Event]:
        """Block until a task ends, or for ``seconds``."""
        ended, _ = self._ray.wait(list(self._running), num_returns=1, timeout=seconds)
        return [self._event(reference) for reference in ended]

    def _event(self, reference: Any) -> Event:
        keys = self._running.pop(reference)
        try:
            told = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return Event(keys, f"Ray lost the task: {reason(error)}"[:500])
        if "broken" in told:
            raise (UsageError if told["code"] == UsageError.exit_code else PrunekitError)(told["broken"])
        return Event(keys, told.get("failed"), tuple(told.get("busy", ())))

    def close(self) -> None:
        """Cancel running tasks and leave the cluster; a cluster that was started here ends."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
        self._ray.shutdown()


def _ray() -> ModuleType:
    try:
        import ray
    except ImportError:
        raise UsageError(INSTALL) from None
    module: ModuleType = ray
    return module


def _connect(ray: ModuleType, address: str | None) -> None:
    where = address or os.environ.get("RAY_ADDRESS")
    try:
        _knock(where)
        ray.init(address=where, log_to_driver=False, logging_level="error", include_dashboard=None)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"--address {where}: no Ray cluster answers at this address ({reason(error)[:200]})"
        ) from None


def _knock(where: str | None) -> None:
    """Raise an ``OSError`` if no server listens: Ray itself would try for minutes."""
    host, colon, port = (where or "").removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=SECONDS_TO_ANSWER).close()
