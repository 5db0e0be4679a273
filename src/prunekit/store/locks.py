"""Locks that are released when their owner exits: one file each, held with ``flock``."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from prunekit.base import files
from prunekit.errors import PrunekitError, PrunekitWarning

# Number of retries for a lock that others only query, and the seconds that a query may take.
MOST_ASKED, ASKING_SECONDS = 100, 0.002


@contextmanager
def lock(path: Path, *, within: Path | None = None, wait: bool = True) -> Iterator[bool]:
    """Hold the lock at ``path`` for the block; yields whether it is held (always, with ``wait``).

    The kernel releases it when its owner dies, however that happens. No link below ``within`` is followed.
    """
    within = within or path.parent
    handle = _acquire(path, within, wait)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            with contextlib.suppress(OSError, PrunekitError):
                # Removed while held: a process waiting for it then sees that the file has changed.
                files.remove(path, within=within, ours=is_empty)
            os.close(handle)


def discard(path: Path, *, within: Path) -> bool:
    """Remove a free lock and return whether it was removed; holds it meanwhile, so no process takes a removed lock."""
    try:
        with lock(path, within=within, wait=False) as held:
            return held
    except (OSError, PrunekitError):
        return False


def is_empty(file: BinaryIO) -> bool:
    """Whether a file is empty, as a lock is."""
    return not file.read(1)


def _acquire(path: Path, within: Path, wait: bool) -> int | None:
    while True:
        handle = files.handle(path, within=within)
        try:
            held = _flock(handle, fcntl.LOCK_EX) if wait else _flock_now(handle)
            if held and _is_still(path, handle):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        if not held:
            return None


def _flock_now(handle: int) -> bool:
    """Whether the lock was taken without waiting for another owner; a query (``is_held``) is not an owner."""
    for _ in range(MOST_ASKED):
        if _flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return True
        if not _flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB):
            return False
        fcntl.flock(handle, fcntl.LOCK_UN)
        time.sleep(ASKING_SECONDS)
    return False


def _flock(handle: int, how: int) -> bool:
    """Whether the lock is now held; a file system without locks is reported, and work continues without them."""
    try:
        fcntl.flock(handle, how)
    except BlockingIOError:
        return False
    except OSError as error:
        warnings.warn(
            f"the store's file system does not support locks ({error.strerror}): two runs may do the "
            "same step twice and write the same bytes",
            PrunekitWarning,
            stacklevel=4,
        )
    return True


def _is_still(path: Path, handle: int) -> bool:
    """Whether the file at ``path`` is still the opened one, since its last owner removes it."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def is_held(path: Path) -> bool:
    """Whether a process holds the lock at ``path`` now."""
    try:
        with files.regular(path, follow=False) as file:
            return not _flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
