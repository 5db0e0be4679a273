"""NVIDIA's multi-process service (MPS) for one GPU: processes compute concurrently instead of taking turns."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from prunekit.engine.child import environment

CONTROL = "nvidia-cuda-mps-control"
# Where the server and its clients meet; a private folder keeps other servers on the machine apart.
PIPES, LOGS = "CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_LOG_DIRECTORY"
SECONDS_TO_ANSWER = 20.0


class Mps:
    """A server for the workers of one run, started if some of them share a GPU and the machine has the program."""

    def __init__(self, devices: Sequence[str]) -> None:
        self._shared = any(device.startswith("cuda") for device in devices) and len(set(devices)) < len(
            devices
        )
        self._folder: Path | None = None

    def environment(self) -> dict[str, str]:
        """Start the server and return the variables for a worker; empty if there is no server or it does not start."""
        program = shutil.which(CONTROL) if self._shared else None
        if program is None:
            return {}
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="prunekit-mps-"))
            if not _asked([program, "-d"], self._variables()):
                self._shared = False
                return {}
        return self._variables()

    def _variables(self) -> dict[str, str]:
        return {PIPES: str(self._folder), LOGS: str(self._folder)}

    def close(self) -> None:
        """Stop the server that this run started."""
        if self._folder is None:
            return
        program = shutil.which(CONTROL)
        if program is not None and self._shared:
            _asked([program], self._variables(), "quit\n")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None


def _asked(command: Sequence[str], variables: dict[str, str], words: str | None = None) -> bool:
    """Whether the program succeeded."""
    try:
        done = subprocess.run(  # noqa: S603 - found on the path by name
            command,
            input=words or "",
            env=environment(variables),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=SECONDS_TO_ANSWER,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
