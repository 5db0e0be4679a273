"""Run a plan: hand ready steps to an executor until nothing is left, and say what failed and why."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple, Protocol

from prunekit.engine.schedule import Cost, Schedule, one
from prunekit.params import Params


class Event(NamedTuple):
    """What an executor tells: a batch is done, or it failed and why (one line)."""

    keys: tuple[str, ...]
    failure: str | None = None


class Executor(Protocol):
    """Makes batches of steps, ``slots`` at a time."""

    slots: int

    def submit(self, batch: Sequence[Params]) -> None:
        """Start a batch; its end comes out of ``wait``."""

    def wait(self) -> list[Event]:
        """Block until something ends; empty when interrupted."""

    def close(self) -> None:
        """Stop at once whatever still runs."""


class Outcome(NamedTuple):
    """How a run ended. ``failed`` maps keys to their one-line reasons."""

    made: tuple[str, ...]
    failed: dict[str, str]
    skipped: tuple[str, ...]
    interrupted: bool


class Stop:
    """Ctrl-C: the first lets running steps finish, the second stops now."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.asked = False
        self._say = say

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self._say("finishing the steps that run (Ctrl-C again stops now)")


@contextmanager
def gentle_interrupt(say: Callable[[str], None]) -> Iterator[Stop]:
    """Catch the first Ctrl-C for as long as the block lasts (in the main thread only: others cannot)."""
    stop = Stop(say)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def execute(
    todo: Sequence[Params],
    executor: Executor,
    *,
    group: Callable[[Params], str],
    stop: Stop,
    cost: Cost = one,
    keep_going: bool = True,
    ended: Callable[[Event], None] = lambda event: None,
) -> Outcome:
    """Make every step of ``todo``; a failed step stops only what depends on it (or all, without ``keep_going``)."""
    schedule = Schedule(todo, group=group, cost=cost)
    reasons: dict[str, str] = {}
    running = 0
    try:
        while True:
            while running < executor.slots and not stop.asked and (batch := schedule.next()):
                executor.submit(batch)
                running += 1
            if not running:
                break
            for event in executor.wait():
                running -= 1
                _settle(schedule, event, reasons)
                ended(event)
                if event.failure and not keep_going:
                    stop.asked = True
    finally:
        executor.close()
    return Outcome(tuple(schedule.done), reasons, tuple(schedule.skipped), stop.asked and schedule.left > 0)


def _settle(schedule: Schedule, event: Event, reasons: dict[str, str]) -> None:
    if event.failure is None:
        schedule.finish(event.keys)
        return
    schedule.fail(event.keys)
    reasons.update(dict.fromkeys(event.keys, event.failure))
