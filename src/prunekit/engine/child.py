"""How prunekit starts child processes: without the working directory first on the path, and never orphaned."""

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
    """The command that runs this Python; with ``-P``, a file next to a recipe (queue.py, numpy.py) hides no module."""
    return [sys.executable, "-P", *words]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment for a child, set so that the child's own children start as safely."""
    return {**os.environ, "PYTHONSAFEPATH": "1", **(more or {})}


class Lifeline:
    """A pipe whose end children watch: it closes when this process ends, however that happens."""

    def __init__(self) -> None:
        self.end, self._held = os.pipe()

    def environment(self) -> dict[str, str]:
        """The variables that tell a child about the pipe; the child must inherit the descriptor ``end``."""
        return {LIFELINE: str(self.end)}

    def close(self) -> None:
        """Close the pipe: children that still run then end."""
        for descriptor in (self.end, self._held):
            with suppress(OSError):
                os.close(descriptor)


def end_all(processes: Iterable[subprocess.Popen[str]], seconds: float = SECONDS_TO_END) -> None:
    """Ask processes to stop, give them ``seconds`` to save their work, then kill them."""
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
