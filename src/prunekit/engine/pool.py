"""Run steps in N worker processes of this machine; a worker that dies is replaced and its batch tried once more."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from prunekit.engine.run import Event
from prunekit.params import Params
from prunekit.progress import SILENT, Bar, Progress
from prunekit.steps.settings import Settings

ATTEMPTS = 2


@dataclass
class Worker:
    """One process, what it works on, and its bars on the screen."""

    process: subprocess.Popen[str]
    log: IO[str]
    batch: Sequence[Params] = ()
    bars: dict[int, tuple[AbstractContextManager[Bar], Bar]] = field(default_factory=dict)

    def tell(self, **message: Any) -> None:
        """Send the worker one message."""
        assert self.process.stdin is not None  # noqa: S101 - it was opened as a pipe
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def close_bars(self) -> None:
        """Take the worker's bars off the screen."""
        for manager, _ in self.bars.values():
            manager.__exit__(None, None, None)
        self.bars.clear()


class Pool:
    """``slots`` workers, each with its own device from ``devices`` in turn."""

    def __init__(
        self, settings: Settings, *, jobs: int, devices: Sequence[str] = (), progress: Progress = SILENT
    ) -> None:
        self.slots = jobs
        self._settings = settings
        self._devices = deque(devices or (settings.device,))
        self._progress = progress
        self._idle: list[Worker] = []
        self._attempts: Counter[str] = Counter()
        self._ended: list[Event] = []
        self._workers: list[Worker] = []
        self._inbox: queue.Queue[tuple[Worker, dict[str, Any] | None]] = queue.Queue()

    def submit(self, batch: Sequence[Params]) -> None:
        """Give the batch to an idle worker, or to a new one."""
        worker = self._idle.pop() if self._idle else self._start()
        worker.batch = batch
        self._attempts[batch[0].key] += 1
        with contextlib.suppress(BrokenPipeError):  # a dead worker is buried when its end is heard
            worker.tell(batch=[[params.kind, params.model_dump(mode="json")] for params in batch])

    def _start(self) -> Worker:
        device = self._devices[0]
        self._devices.rotate(-1)
        logs = Path(self._settings.store) / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        log = (logs / f"worker-{os.getpid()}.log").open("a", encoding="utf-8")
        environment = os.environ | (
            {"OMP_NUM_THREADS": str(self._settings.threads)} if self._settings.threads else {}
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "prunekit.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the run, which lets steps finish
        )
        worker = Worker(process, log)
        self._workers.append(worker)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        worker.tell(settings=self._settings._replace(device=device)._asdict())
        return worker

    def _listen(self, worker: Worker) -> None:
        """Pass on what one worker says; its end is None."""
        assert worker.process.stdout is not None  # noqa: S101 - it was opened as a pipe
        for line in worker.process.stdout:
            self._inbox.put((worker, json.loads(line)))
        self._inbox.put((worker, None))

    def wait(self) -> list[Event]:
        """Block until a batch ends; draw progress meanwhile."""
        while not self._ended:
            worker, message = self._inbox.get()
            if message is None:
                self._bury(worker)
            else:
                self._hear(worker, message)
        ended, self._ended = self._ended, []
        return ended

    def _hear(self, worker: Worker, message: dict[str, Any]) -> None:
        if "bar" in message:
            manager = self._progress.bar(message["label"], message["total"], message["unit"])
            worker.bars[message["bar"]] = (manager, manager.__enter__())
        elif "advance" in message:
            worker.bars[message["advance"]][1].advance(message["by"], note=message["note"])
        elif "close" in message:
            worker.bars.pop(message["close"])[0].__exit__(None, None, None)
        else:
            self._end(worker, message.get("failed"))
            self._idle.append(worker)

    def _end(self, worker: Worker, failure: str | None) -> None:
        self._ended.append(Event(tuple(params.key for params in worker.batch), failure))
        worker.batch = ()
        worker.close_bars()

    def _bury(self, worker: Worker) -> None:
        """A worker is gone: try its batch again on a new one, or give up on the batch."""
        self._workers.remove(worker)
        code = worker.process.wait()
        worker.close_bars()
        batch, worker.batch = worker.batch, ()
        _release(worker)
        if not batch:
            self._idle = [other for other in self._idle if other is not worker]
        elif self._attempts[batch[0].key] < ATTEMPTS:
            self.submit(batch)
        else:
            self._ended.append(Event(tuple(params.key for params in batch), _death(code, worker.log.name)))

    def close(self) -> None:
        """End every worker now."""
        for worker in self._workers:
            worker.process.kill()
            worker.process.wait()
            worker.close_bars()
            _release(worker)
        self._workers.clear()


def _release(worker: Worker) -> None:
    for pipe in (worker.process.stdin, worker.log):
        with contextlib.suppress(BrokenPipeError):
            pipe.close()  # type: ignore[union-attr]


def _death(code: int, log: str) -> str:
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    return f"the worker was {how} {ATTEMPTS} times (log: {log})"
