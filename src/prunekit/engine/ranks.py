"""Run one command as several processes on this machine that train together, as torchrun does; only rank 0 prints.

torchrun itself reports a mistake with a full page, and with exit code 1 whatever the command's exit code was.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple

from prunekit.base.interruption import INTERRUPTED
from prunekit.engine.child import Lifeline, end_all, environment
from prunekit.engine.pool import threads_each

SECONDS_TO_END = 10.0
SECONDS_BETWEEN_LOOKS = 0.05


class Rank(NamedTuple):
    """One process; the output of a rank other than 0 is kept in ``said``."""

    process: subprocess.Popen[str]
    said: IO[str] | None

    def last_line(self) -> str:
        """The last line of its output."""
        if self.said is None:
            return ""
        self.said.seek(0)
        return next((line for line in reversed(self.said.read().splitlines()) if line.strip()), "")


def together(command: Sequence[str], size: int, *, typed: str | None = None) -> int:
    """Run ``command`` in ``size`` processes until all have ended; returns 0 or the exit code of one that failed.

    ``typed`` is the stdin of each process. If one fails, the others have a few seconds to end by themselves.
    Rank 0 writes to this process's output; another rank's last line is shown only if its error caused rank 0's.
    """
    lifeline = Lifeline()
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "WORLD_SIZE": str(size)}
    threads = {} if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": str(threads_each(0, size))}
    ranks: list[Rank] = []
    try:
        for rank in range(size):
            own = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            surroundings = environment(threads | place | own | lifeline.environment())
            ranks.append(_start(command, surroundings, rank, typed, lifeline))
        _wait(ranks)
    except KeyboardInterrupt:
        end_all([rank.process for rank in ranks], SECONDS_TO_END)
        return INTERRUPTED
    finally:
        lifeline.close()
    codes = [rank.process.returncode for rank in ranks]
    for line in _better_words(ranks, codes):
        sys.stderr.write(line + "\n")
    return max(codes) if max(codes) > 0 else int(min(codes) < 0)


def _start(
    command: Sequence[str], surroundings: Mapping[str, str], rank: int, typed: str | None, lifeline: Lifeline
) -> Rank:
    said = None if rank == 0 else _kept()
    process = subprocess.Popen(  # noqa: S603 - ourselves
        command,
        env=surroundings,
        stdin=subprocess.DEVNULL if typed is None else subprocess.PIPE,
        stdout=None if rank == 0 else subprocess.DEVNULL,
        stderr=said,
        text=True,
        pass_fds=(lifeline.end,),
        start_new_session=True,  # a signal reaches the ranks only once, through this process
    )
    if process.stdin is not None:
        process.stdin.write(str(typed))
        process.stdin.close()
    return Rank(process, said)


def _kept() -> IO[str]:
    """An unnamed file that disappears with this process."""
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")


def _wait(ranks: Sequence[Rank]) -> None:
    """Wait until all have ended; some time after the first failure, end the others."""
    while None in (codes := [rank.process.poll() for rank in ranks]):
        if any(codes):
            _end(ranks)
            return
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _end(ranks: Sequence[Rank]) -> None:
    until = time.monotonic() + SECONDS_TO_END
    for rank in ranks:
        try:
            rank.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            rank.process.kill()
            rank.process.wait()


def _better_words(ranks: Sequence[Rank], codes: Sequence[int]) -> list[str]:
    """Distinct last lines of ranks that failed differently from rank 0; one line if all were killed."""
    others = [
        rank.last_line() for rank, code in zip(ranks, codes, strict=True) if code > 0 and code != codes[0]
    ]
    if not others and max(codes) <= 0 and min(codes) < 0:
        return [f"prunekit: process {codes.index(min(codes))} was killed (signal {-min(codes)})"]
    return list(dict.fromkeys(filter(None, others)))


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
