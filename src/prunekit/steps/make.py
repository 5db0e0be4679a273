"""Make a batch of steps whose inputs are there: claim, look again, run, remember what it took."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch

from prunekit.errors import UsageError
from prunekit.params import Params
from prunekit.progress import Progress
from prunekit.steps.context import Context
from prunekit.steps.settings import Settings
from prunekit.steps.table import RUN
from prunekit.store import Store, require


def open_context(settings: Settings, progress: Progress) -> Context:
    """Turn a run's settings into what steps work with; sets this process's threads."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    if settings.device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(f"device {settings.device!r}: torch sees no CUDA device here (use --device cpu)")
    return Context(
        store=Store(Path(settings.store)),
        data=Path(settings.data),
        device=settings.device,
        progress=progress,
        force=frozenset(settings.force),
    )


def make(batch: Sequence[Params], context: Context) -> None:
    """Make every step of a batch (one kind, one group) that the store does not have yet.

    Each key is claimed first, so that two workers on one store do not do the same work; keys are claimed in sorted
    order, so that they cannot wait for each other.
    """
    with ExitStack() as claims:
        for key in sorted(params.key for params in batch):
            claims.enter_context(context.store.claim(key))
        left = [
            params for params in batch if params.key in context.force or not context.store.has(params.key)
        ]
        if not left:
            return
        for params in left:
            require(context.store, params)
        started = time.perf_counter()
        RUN[left[0].kind].run(left, context)
        seconds = (time.perf_counter() - started) / len(left)
        for params in left:
            context.store.note_cost(params.key, kind=params.kind, seconds=round(seconds, 4))
