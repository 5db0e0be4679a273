"""Signals that ask to stop (Ctrl-C, SIGTERM, SIGHUP): training is saved first, everything else stops at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A descriptor whose other end the parent process holds; it reaches end of file when the parent is gone.
LIFELINE = "PRUNEKIT_LIFELINE"
SECONDS_TO_END = 5.0
INTERRUPTED = 130  # the exit status of what a signal stopped
# Seconds that a process without its parent may still run.
SECONDS_ALONE = 3.0


class Interruption:
    """A signal handler; ``asked`` is for work that polls it and raises :class:`KeyboardInterrupt` itself."""

    def __init__(self) -> None:
        self.asked = False
        self._deferred = 0

    def __call__(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Stop now; within ``deferred``, only at the second signal."""
        if self.asked or not self._deferred:
            self.asked = False
            raise KeyboardInterrupt
        self.asked = True

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """In the block, the first signal only sets ``asked``; it takes effect by the end of the block."""
        self._deferred += 1
        try:
            yield
        finally:
            self._deferred -= 1
            self.obey()

    def obey(self) -> None:
        """Raise :class:`KeyboardInterrupt` if a signal asked for it."""
        if self.asked:
            self.asked = False
            raise KeyboardInterrupt


INTERRUPTION = Interruption()


def install() -> None:
    """Handle the signals that this process does not already ignore (``nohup`` ignores SIGHUP)."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, INTERRUPTION)


def leave() -> None:
    """At the end of a process, let the handled signals end it at once, without a traceback."""
    for number in SIGNALS:
        if signal.getsignal(number) not in (signal.SIG_IGN, signal.SIG_DFL, None):
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def shielded() -> Iterator[None]:
    """Hold signals back during a short block, so that it completes."""
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
    """Ignore the signal from now on; a pending one is dropped."""
    with suppress(KeyboardInterrupt):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(number, signal.SIG_IGN)


def tie_to_parent() -> None:
    """End when the parent process is gone, however it ended: by SIGTERM, and soon after by force.

    The force is an alarm, which code that holds Python's lock cannot block.
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
