"""Run a plan: hand ready steps to an executor until none is left, and report what failed and why."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple, Protocol

from prunekit.base.interruption import INTERRUPTION
from prunekit.engine.schedule import CostOf, Schedule, one
from prunekit.params import Params

SECONDS_UNTIL_ANOTHER_TRY = 0.3


class Event(NamedTuple):
    """An executor's report on a batch: its keys, and the one-line reason if it failed.

    ``busy`` are the keys left out because another run works on them now.
    """

    keys: tuple[str, ...]
    failure: str | None = None
    busy: tuple[str, ...] = ()


class Executor(Protocol):
    """Makes batches of steps, ``slots`` at a time."""

    slots: int

    def submit(self, batch: Sequence[Params]) -> None:
        """Start a batch; ``wait`` returns its event."""

    def wait(self, seconds: float | None = None) -> list[Event]:
        """Block until a batch ends, or for at most ``seconds``; raises if no step can run at all."""

    def close(self) -> None:
        """Stop whatever still runs at once."""


class Result(NamedTuple):
    """How a run ended. ``failed`` maps keys to their one-line reasons."""

    made: tuple[str, ...]
    failed: dict[str, str]
    skipped: tuple[str, ...]
    interrupted: bool


class Stop:
    """Ctrl-C: the first lets running steps finish, the second stops now (after saving unfinished training)."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.asked = False
        self._say = say

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            INTERRUPTION(number, frame)
            return
        self.asked = True
        self._say("finishing the running steps (Ctrl-C again stops at once)")


@contextmanager
def gentle_interrupt(say: Callable[[str], None]) -> Iterator[Stop]:
    """Catch Ctrl-C for the duration of the block (only the main thread can)."""
    stop = Stop(say)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


class PlanRun:
    """One run of a plan on one executor."""

    def __init__(self, schedule: Schedule, executor: Executor, stop: Stop, keep_going: bool) -> None:
        self._schedule, self._executor, self._stop, self._keep_going = schedule, executor, stop, keep_going
        self._running = 0
        self._ask_again = 0.0
        self.reasons: dict[str, str] = {}

    @property
    def halted(self) -> bool:
        """Whether no more steps are started."""
        return self._stop.asked or (bool(self.reasons) and not self._keep_going)

    @property
    def waiting(self) -> bool:
        """Whether all remaining steps are held by another run."""
        return bool(self._schedule.postponed) and not self.halted

    def fill(self) -> bool:
        """Hand out batches until every slot is busy or none is ready; returns whether anything runs."""
        if self._schedule.postponed and time.monotonic() >= self._ask_again:
            self._schedule.recall()
        while self._running < self._executor.slots and not self.halted:
            batch = self._schedule.next(self._executor.slots - self._running)
            if not batch:
                break
            self._executor.submit(batch)
            self._running += 1
        return self._running > 0

    def hear(self) -> Iterator[Event]:
        """Wait for batches to end, or until it is time to retry the steps that another run holds."""
        for event in self._executor.wait(SECONDS_UNTIL_ANOTHER_TRY if self._schedule.postponed else None):
            self._running -= 1
            if event.failure is not None and len(event.keys) > 1:
                self._schedule.alone(event.keys)
            elif done := self._settle(event):
                yield event._replace(keys=done)

    def _settle(self, event: Event) -> tuple[str, ...]:
        done = tuple(key for key in event.keys if key not in event.busy)
        if event.busy:
            self._schedule.postpone(event.busy)
            self._ask_again = time.monotonic() + SECONDS_UNTIL_ANOTHER_TRY
        if event.failure is None:
            self._schedule.finish(done)
        else:
            self._schedule.fail(done)
            self.reasons.update(dict.fromkeys(done, event.failure))
        return done


def execute(
    todo: Sequence[Params],
    executor: Executor,
    *,
    group: Callable[[Params], str],
    stop: Stop,
    cost: CostOf = one,
    keep_going: bool = True,
    ended: Callable[[Event], None] = lambda event: None,
    waits: Callable[[frozenset[str]], None] = lambda keys: None,
) -> Result:
    """Make every step of ``todo``; a failed step stops only what depends on it (or all, without ``keep_going``).

    A batch that fails is tried again step by step. Steps that another run works on are retried while other work
    remains, and waited for when none does: ``waits`` is called with those keys whenever they change.
    """
    schedule = Schedule(todo, group=group, cost=cost)
    running = PlanRun(schedule, executor, stop, keep_going)
    awaited: frozenset[str] = frozenset()
    try:
        while True:
            if running.fill():
                for event in running.hear():
                    ended(event)
            elif running.waiting:
                if schedule.postponed != awaited:
                    awaited = frozenset(schedule.postponed)
                    waits(awaited)
                time.sleep(SECONDS_UNTIL_ANOTHER_TRY)
            else:
                break
    finally:
        executor.close()
    interrupted = stop.asked and schedule.left > 0
    return Result(tuple(schedule.done), running.reasons, tuple(schedule.skipped), interrupted)
