"""Locks that die with their owner: one file each, held with ``flock``, gone when nobody works any more."""

from __future__ import annotations

import contextlib
import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prunekit.errors import PrunekitWarning


@contextmanager
def lock(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock at ``path`` for the block; yields whether it is held (always, with ``wait``).

    The kernel lets go of it when its owner dies, however that happens.
    """
    handle = _acquire(path, wait)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            with contextlib.suppress(OSError):
                path.unlink()  # while it is held: whoever waits for it sees that the file is another by then
            os.close(handle)


def _acquire(path: Path, wait: bool) -> int | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            held = _flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if held and _is_still(path, handle):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        if not held:
            return None


def _flock(handle: int, how: int) -> bool:
    """Whether the lock is held now; a file system without locks is told of, and work goes on without."""
    try:
        fcntl.flock(handle, how)
    except BlockingIOError:
        return False
    except OSError as error:
        warnings.warn(
            f"the store's file system has no locks ({error.strerror}): two runs on it may do the same step twice, "
            "and write the same bytes",
            PrunekitWarning,
            stacklevel=4,
        )
    return True


def _is_still(path: Path, handle: int) -> bool:
    """Whether the file at ``path`` is the one that was opened: its last owner removes it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock at ``path`` now."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    finally:
        os.close(handle)
