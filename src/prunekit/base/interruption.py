"""Signals that ask to stop (Ctrl-C, SIGTERM, SIGHUP): training is saved first, everything else stops at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A descriptor whose other end the process that started this one holds; it is at its end when that one is gone.
LIFELINE = "PRUNEKIT_LIFELINE"
SECONDS_TO_END = 5.0
# A process without its parent has nobody who waits for it.
SECONDS_ALONE = 3.0


class Interruption:
    """A handler of signals. ``asked`` is for work that looks at it, and raises :class:`KeyboardInterrupt` by itself."""

    def __init__(self) -> None:
        self.asked = False
        self._deferred = 0

    def __call__(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Stop now; within ``deferred`` only the second time."""
        if self.asked or not self._deferred:
            self.asked = False
            raise KeyboardInterrupt
        self.asked = True

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """For the block, the first signal only sets ``asked``; it is obeyed at the end of the block at the latest."""
        self._deferred += 1
        try:
            yield
        finally:
            self._deferred -= 1
            self.obey()

    def obey(self) -> None:
        """Raise :class:`KeyboardInterrupt` if it was asked for."""
        if self.asked:
            self.asked = False
            raise KeyboardInterrupt


INTERRUPTION = Interruption()


def install() -> None:
    """Handle the signals that this process was not made to ignore (``nohup`` ignores SIGHUP)."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, INTERRUPTION)


def leave() -> None:
    """At the end of a process: a signal that would have been handled ends it at once, without a traceback."""
    for number in SIGNALS:
        if signal.getsignal(number) not in (signal.SIG_IGN, signal.SIG_DFL, None):
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def shielded() -> Iterator[None]:
    """For the block, which is short, signals are held back, so that what is being finished is finished whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        ignore(number)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore(number: int) -> None:
    """From now on the signal changes nothing; one that is on its way is dropped."""
    with suppress(KeyboardInterrupt):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(number, signal.SIG_IGN)


def tie_to_parent() -> None:
    """End when the process that started this one is gone, however it went: by SIGTERM, and soon after by force.

    The force is an alarm, which code that holds Python's lock meanwhile cannot keep from it.
    """
    text = os.environ.get(LIFELINE, "")
    if text.isdigit():
        threading.Thread(target=_hold, args=(int(text),), daemon=True).start()


def _hold(descriptor: int) -> None:
    with suppress(OSError):
        while os.read(descriptor, 1):
            pass
        signal.setitimer(signal.ITIMER_REAL, SECONDS_ALONE)
        os.kill(os.getpid(), signal.SIGTERM)
