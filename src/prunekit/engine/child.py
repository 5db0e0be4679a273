"""How prunekit starts its own child processes: without the working directory first on the path, and never orphaned."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

from prunekit.base.interruption import LIFELINE, SECONDS_TO_END, shielded

SECONDS_BETWEEN_LOOKS = 0.02


def python(*words: str) -> list[str]:
    """The command that runs this Python; ``-P``: a file beside a recipe (queue.py, numpy.py) hides no module."""
    return [sys.executable, "-P", *words]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment for a child, whose own children start as safely."""
    return {**os.environ, "PYTHONSAFEPATH": "1", **(more or {})}


class Lifeline:
    """A pipe that children wait at the end of: it ends when this process does, however that happens."""

    def __init__(self) -> None:
        self.end, self._held = os.pipe()

    def environment(self) -> dict[str, str]:
        """What a child process needs to know of it; the descriptor ``end`` is passed on to it."""
        return {LIFELINE: str(self.end)}

    def close(self) -> None:
        """Let go: children that still run end."""
        for descriptor in (self.end, self._held):
            with suppress(OSError):
                os.close(descriptor)


def end_all(processes: Iterable[subprocess.Popen[str]], seconds: float = SECONDS_TO_END) -> None:
    """Ask processes to stop, give them ``seconds`` to put their work away, then end them by force."""
    left = [process for process in processes if process.poll() is None]
    with shielded():
        for process in left:
            process.send_signal(signal.SIGTERM)
        until = time.monotonic() + seconds
        while time.monotonic() < until and any(process.poll() is None for process in left):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        for process in left:
            process.kill()
            process.wait()
