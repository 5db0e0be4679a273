"""Run steps in N worker processes on this machine; a worker that dies is replaced and its batch tried once more."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from prunekit.base import files
from prunekit.engine.child import end_all, environment, python
from prunekit.engine.mps import Mps
from prunekit.engine.run import Event
from prunekit.engine.worker import packed
from prunekit.errors import PrunekitError, UsageError
from prunekit.params import Params
from prunekit.progress import SILENT, Bar, Progress, named
from prunekit.steps.settings import Settings
from prunekit.store.locks import is_empty

ATTEMPTS = 2
# A dead worker's pipe closes at once, unless a process that the worker started still holds it.
SECONDS_TO_HEAR_THE_END = 5.0
SECONDS_TO_PUT_AWAY = 3.0  # to save unfinished training when a run is stopped


@dataclass(eq=False)
class Worker:
    """One process, its device, its current batch, and its bars on the screen."""

    process: subprocess.Popen[str]
    device: str
    listener: threading.Thread = field(init=False)
    ready: bool = False
    batch: Sequence[Params] = ()
    bars: dict[int, tuple[AbstractContextManager[Bar], Bar]] = field(default_factory=dict)

    def tell(self, **message: Any) -> None:
        """Send the worker one message; a dead worker is ignored, since its exit is reported separately."""
        assert self.process.stdin is not None  # noqa: S101 - it was opened as a pipe
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()

    def end(self) -> int:
        """End the process if it still runs, and remove its bars from the screen; returns its exit code."""
        self.process.kill()
        code = self.process.wait()
        self.listener.join(timeout=SECONDS_TO_HEAR_THE_END)
        for manager, _ in self.bars.values():
            manager.__exit__(None, None, None)
        self.bars.clear()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()  # type: ignore[union-attr]
        return code


def threads_each(threads: int, jobs: int) -> int:
    """CPU threads for each of ``jobs`` workers: as requested, or an equal share of the cores available."""
    return threads or max(1, len(os.sched_getaffinity(0)) // jobs)


class Pool:
    """``slots`` workers, each on one entry of ``devices`` (a name may occur several times).

    ``names`` are the labels of the steps on progress bars, by key.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        jobs: int,
        devices: Sequence[str] = (),
        progress: Progress = SILENT,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.slots = jobs
        self._settings = settings._replace(threads=threads_each(settings.threads, jobs))
        self._devices = list(devices or [settings.device] * jobs)
        self._mps = Mps(self._devices)
        self._progress, self._names = progress, names or {}
        self._workers: list[Worker] = []
        self._idle: list[Worker] = []
        self._attempts: Counter[str] = Counter()
        self._deaths_at_start = 0
        self._ended: list[Event] = []
        self._inbox: queue.Queue[tuple[Worker, dict[str, Any] | None]] = queue.Queue()
        self._log = Path(settings.store) / "logs" / f"run-{os.getpid()}.log"

    def submit(self, batch: Sequence[Params]) -> None:
        """Give the batch to an idle worker or to a new one."""
        worker = self._idle.pop() if self._idle else self._start()
        worker.batch = batch
        self._attempts[batch[0].key] += 1
        worker.tell(batch=packed(batch))

    def _start(self) -> Worker:
        device = self._devices.pop(0)
        with self._opened_log() as log:
            process = subprocess.Popen(  # noqa: S603 - ourselves
                python("-m", "prunekit.engine.worker"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment({"OMP_NUM_THREADS": str(self._settings.threads), **self._mps.environment()}),
                start_new_session=True,  # Ctrl-C is for the run, which lets steps finish
            )
        worker = Worker(process, device)
        self._workers.append(worker)
        worker.listener = threading.Thread(target=self._listen, args=(worker,), daemon=True)
        worker.listener.start()
        worker.tell(settings=self._settings._replace(device=device)._asdict())
        return worker

    def _opened_log(self) -> IO[str]:
        try:
            handle = files.handle(self._log, within=Path(self._settings.store), how=os.O_WRONLY | os.O_APPEND)
            return os.fdopen(handle, "a", encoding="utf-8")
        except OSError as error:
            raise PrunekitError(
                f"cannot write to the store {self._settings.store}: {error.strerror}"
            ) from None

    def _listen(self, worker: Worker) -> None:
        """Pass on one worker's messages, and None when it ends; a line cut off by its death is not a message."""
        with worker.process.stdout as out:  # type: ignore[union-attr]
            for line in out:
                with contextlib.suppress(ValueError):
                    self._inbox.put((worker, json.loads(line)))
        self._inbox.put((worker, None))

    def wait(self, seconds: float | None = None) -> list[Event]:
        """Block until a batch ends, or for ``seconds``, and draw progress; raises if no worker can start."""
        while not self._ended:
            try:
                worker, message = self._inbox.get(timeout=seconds)
            except queue.Empty:
                break
            if message is None:
                self._bury(worker)
            else:
                self._hear(worker, message)
        ended, self._ended = self._ended, []
        return ended

    def _hear(self, worker: Worker, message: dict[str, Any]) -> None:
        match message:
            case {"bar": number, "label": label, "total": total, "unit": unit}:
                name = self._names.get(worker.batch[0].key, "") if worker.batch else ""
                manager = self._progress.bar(named(name, label), total, unit)
                worker.bars[number] = (manager, manager.__enter__())
            case {"advance": number, "by": amount, "note": note}:
                worker.bars[number][1].advance(amount, note=note)
            case {"close": number}:
                worker.bars.pop(number)[0].__exit__(None, None, None)
            case {"ready": _}:
                worker.ready = True
                self._deaths_at_start = 0
            case {"broken": reason, "code": code}:
                raise (UsageError if code == UsageError.exit_code else PrunekitError)(reason)
            case _:
                self._end(worker, message)

    def _end(self, worker: Worker, message: dict[str, Any]) -> None:
        keys = tuple(params.key for params in worker.batch)
        del self._attempts[keys[0]]  # only deaths are counted
        self._ended.append(Event(keys, message.get("failed"), tuple(message.get("busy", ()))))
        worker.batch = ()
        self._idle.append(worker)

    def _bury(self, worker: Worker) -> None:
        """Handle a dead worker: retry its batch on a new worker, or give up on the batch."""
        code = worker.end()
        self._workers.remove(worker)
        self._devices.append(worker.device)
        self._idle = [other for other in self._idle if other is not worker]
        self._deaths_at_start += not worker.ready
        if self._deaths_at_start >= ATTEMPTS * self.slots:
            raise PrunekitError(f"no worker can start; the last one {self._death(code)}")
        if worker.batch and self._attempts[worker.batch[0].key] < ATTEMPTS:
            self.submit(worker.batch)
        elif worker.batch:
            keys = tuple(params.key for params in worker.batch)
            self._ended.append(Event(keys, f"the worker {self._death(code)}, {ATTEMPTS} times"))

    def _death(self, code: int) -> str:
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
        return f"{how} (log: {self._log})"

    def close(self) -> None:
        """End every worker; unfinished training is saved first if that takes no more than a few seconds."""
        end_all([worker.process for worker in self._workers], SECONDS_TO_PUT_AWAY)
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._mps.close()
        with contextlib.suppress(OSError):
            files.remove(self._log, within=Path(self._settings.store), ours=is_empty)
