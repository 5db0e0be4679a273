"""Unfinished training on disk: written in the background, and resumed only by the run it belongs to.

A checkpoint is one archive (safetensors and a JSON record, digests over both). It needs no random state: data order,
augmentation and dropout are functions of the seed and the step (:mod:`prunekit.training.feed`).
"""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np

from prunekit.base import files
from prunekit.errors import PrunekitError, PrunekitWarning, UsageError
from prunekit.models.state import Arrays
from prunekit.store import archive


@dataclass(frozen=True)
class Checkpoint:
    """The place of unfinished training, and how often it is written.

    Two writes start at least ``every_seconds`` apart, and far enough apart that writing takes at most ``share`` of the
    time: large networks are written less often. With ``anew``, another run's checkpoint is removed, not refused.
    ``made_of`` identifies the data and code besides settings and weights; a checkpoint that differs is another run's.
    """

    path: Path
    every_seconds: float = 30.0
    share: float = 0.02
    anew: bool = False
    made_of: str = ""

    def discard(self) -> None:
        """Remove the file; called once the result itself is stored."""
        files.remove(self.path, within=self.path.parent.parent, ours=archive.is_ours)


NEVER = Checkpoint(Path(), every_seconds=math.inf)


class Saved(NamedTuple):
    """Training after ``step`` steps: weights, momentum and kept weights by name, and each finished epoch's loss.

    ``running`` is the sum of the losses of the unfinished epoch's images.
    """

    step: int
    losses: tuple[float, ...]
    running: float
    arrays: Arrays


def fingerprint(facts: Mapping[str, Any], arrays: Arrays) -> str:
    """A digest of what a run started from: JSON ``facts`` and ``arrays``."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def load(checkpoint: Checkpoint | None, fingerprint: str) -> Saved | None:
    """The saved training or ``None``; :class:`UsageError` if another run wrote it, :class:`StoreError` if damaged."""
    if checkpoint is None or not checkpoint.path.exists():
        return None
    arrays, record = archive.read(checkpoint.path)
    # Version 0.1 did not note made_of.
    same = (
        record.get("fingerprint") == fingerprint
        and record.get("made_of", checkpoint.made_of) == checkpoint.made_of
    )
    if not same:
        if checkpoint.anew:
            checkpoint.discard()
            return None
        raise UsageError(
            f"the unfinished training {checkpoint.path} has different settings, data, code or initial "
            "weights: restore them to resume, or start from the beginning with --force (`run`: "
            "--force STAGE)"
        )
    return Saved(record["step"], tuple(record["losses"]), record["running"], arrays)


class Writer:
    """Writes checkpoints in a separate thread, one at a time, while training continues.

    Without space (or permission) the last good file stays, training continues, and one :class:`PrunekitWarning` is
    given.
    """

    def __init__(self, checkpoint: Checkpoint | None, fingerprint: str) -> None:
        self._checkpoint = checkpoint or NEVER
        self._fingerprint = fingerprint
        self._thread = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        self._last = monotonic()
        self._took = 0.0
        self._warned = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: BaseException | TracebackType | None) -> None:
        self._thread.shutdown(wait=True)
        self._report()

    @property
    def due(self) -> bool:
        """Whether it is time to write and the last write has finished."""
        if self._writing is not None and not self._writing.done():
            return False
        pause = max(self._checkpoint.every_seconds, self._took / self._checkpoint.share)
        return monotonic() - self._last >= pause

    def write(self, saved: Saved) -> None:
        """Start writing ``saved``, whose arrays no longer change."""
        if self._checkpoint is NEVER:
            return
        self._report()
        self._last = monotonic()
        self._writing = self._thread.submit(self._write, saved)

    def _write(self, saved: Saved) -> None:
        record = saved._asdict() | {"fingerprint": self._fingerprint, "made_of": self._checkpoint.made_of}
        archive.write(self._checkpoint.path, record.pop("arrays"), record)
        self._took = monotonic() - self._last

    def _report(self) -> None:
        error = self._writing.exception() if self._writing is not None else None
        self._writing = None
        if error is not None and not isinstance(error, PrunekitError):
            raise error
        if error is not None and not self._warned:
            self._warned = True
            warnings.warn(
                f"{error}; training continues without new checkpoints", PrunekitWarning, stacklevel=3
            )
