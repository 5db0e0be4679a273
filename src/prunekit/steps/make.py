"""Make a batch of steps whose inputs exist: claim them, check again, run, record the time."""

from __future__ import annotations

import os
import resource
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import torch

from prunekit.errors import PrunekitError, PrunekitWarning, StoreError
from prunekit.params import MODEL_STEPS, ErrorParams, Params, RetrainParams, Root
from prunekit.progress import Progress
from prunekit.steps.context import Context
from prunekit.steps.device import checked, enough_memory
from prunekit.steps.settings import Settings
from prunekit.steps.table import RUN
from prunekit.steps.train import kept_key
from prunekit.steps.versions import code_of
from prunekit.store.records import ModelRecord, Step
from prunekit.store.remote import Remote
from prunekit.store.store import Store

# Files that a prunekit process has open besides its claims, and the most claims if the system sets no limit.
OWN_FILES, MOST_CLAIMS = 48, 10_000


def open_context(settings: Settings, progress: Progress) -> Context:
    """Turn a run's settings into the context of its steps; sets this process's threads and GPU."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    return Context(
        store=Store(Path(settings.store)),
        data=Path(settings.data),
        device=checked(settings.device),
        progress=progress,
        force=frozenset(settings.force),
        remote=Remote(settings.remote) if settings.remote else None,
        rank=int(os.environ.get("RANK", "0")),
    )


def make(batch: Sequence[Params], context: Context, *, wait: bool = True) -> tuple[str, ...]:
    """Make every step of a batch (one kind, one group) that the store does not have yet.

    Each key is claimed first, so that two processes on one store do not do the same work. Keys are claimed in sorted
    order, so that processes cannot deadlock, and only as many at a time as this process may have open files. Returns
    the keys left out because other processes work on them now; none with ``wait``.
    """
    most = claims_at_once()
    parts = (batch[start : start + most] for start in range(0, len(batch), most))
    return tuple(key for part in parts for key in _make(part, context, wait=wait))


def claims_at_once() -> int:
    """How many claims, each an open file, a process may hold: half of the descriptors it does not use itself."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, (most - OWN_FILES) // 2) if most != resource.RLIM_INFINITY else MOST_CLAIMS


def _make(batch: Sequence[Params], context: Context, *, wait: bool) -> set[str]:
    store = context.store
    with ExitStack() as claims:
        busy = {
            params.key
            for params in sorted(batch, key=lambda params: params.key)
            if context.rank == 0 and not _claimed(params.key, store, claims, wait)
        }
        mine = [params for params in batch if params.key not in busy]
        left = [params for params in mine if params.key in context.force or not store.has(params.key)]
        if context.remote:
            context.remote.fetch(store, needed(left, store))
        if left:
            _run(left, context)
        if context.remote:
            made = (key for params in mine for key in products(params, store))
            context.remote.push(store, filter(store.has, made))
    return busy


def _claimed(key: str, store: Store, claims: ExitStack, wait: bool) -> bool:
    """Whether this process holds the work on ``key`` while ``claims`` last; if it must wait, it reports for what."""
    if claims.enter_context(store.claim(key, wait=False)):
        return True
    if wait:
        warnings.warn(
            f"waiting for another process, which is working on {key}", PrunekitWarning, stacklevel=5
        )
    return wait and claims.enter_context(store.claim(key))


def _run(left: Sequence[Params], context: Context) -> None:
    for params in left:
        require(context.store, params)
        code_of([Step.of(params)])  # its digest before it is imported
    started = time.perf_counter()
    try:
        with enough_memory(context.device, left[0].kind):
            RUN[left[0].kind].run(left, context)
    except (Exception, SystemExit) as error:
        if not isinstance(error, PrunekitError):
            error.add_note(f"step {left[0].key}" + (f" and {len(left) - 1} more" if len(left) > 1 else ""))
        raise
    seconds = (time.perf_counter() - started) / len(left)
    if context.rank > 0:
        return
    facts = _facts(left[0], context.store)
    for params in left:
        context.store.note_cost(params.kind, key=params.key, seconds=round(seconds, 4), **facts)


def needed(batch: Sequence[Params], store: Store) -> Iterator[str]:
    """Keys of the results that a batch reads, each yielded once those before it are in the store."""
    for params in batch:
        yield from params.inputs
        if isinstance(params, RetrainParams) and store.has(params.parent):
            yield from _reread(params, store.record(params.parent))


def _reread(params: RetrainParams, record: ModelRecord) -> Iterator[str]:
    """What a retraining reads besides its parent: the early epoch it rewinds to, or the network before pruning."""
    epoch = record.root_params.kept_epoch
    if params.mode == "weight-rewind" and epoch is not None:
        yield kept_key(record.root.key, epoch)
    elif params.mode == "least-squares" and record.parent is not None:
        yield record.parent


def products(params: Params, store: Store) -> tuple[str, ...]:
    """Keys of all results of a step: a model is measured, and an early epoch kept, before it is stored."""
    if params.kind not in MODEL_STEPS:
        return (params.key,)
    nominal = ErrorParams(model=params.key, distribution=store.record(params.key).param("dataset"))
    epoch = params.kept_epoch if isinstance(params, Root) else None
    kept = () if epoch is None else (kept_key(params.key, epoch),)
    return (*kept, nominal.key, params.key)


def _facts(params: Params, store: Store) -> dict[str, object]:
    """The other facts that a step's cost depends on: the network, its data, and the length of training."""
    model = params.key if params.kind in MODEL_STEPS else params.inputs[-1]
    record = store.record(model)
    root = record.root_params
    return {
        "arch": record.arch,
        "dataset": root.dataset,
        "image_size": root.image_size,
        "imported": root.kind == "import",
        "epochs": RUN[params.kind].epochs(params, root),
    }


def require(store: Store, params: Params) -> None:
    """Raise a :class:`StoreError` if an input of a step is missing."""
    for key in params.inputs:
        if not store.has(key):
            raise StoreError(
                f"{params.key} needs {key}, which is not in the store: no file {store.path(key)}"
            )
