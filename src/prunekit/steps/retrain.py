"""Train a stored network again with its masks fixed."""

from __future__ import annotations

from collections.abc import Sequence

from prunekit.errors import StoreError
from prunekit.models.state import Arrays
from prunekit.params import RetrainParams, Root, Schedule, TrainParams
from prunekit.steps.context import Context, load_module
from prunekit.steps.loop import Loop
from prunekit.steps.train import kept_key
from prunekit.store.records import ModelRecord
from prunekit.training.retrain import retrain


def run(batch: Sequence[RetrainParams], context: Context) -> None:
    """Retrain every network of the batch."""
    for params in batch:
        _one(params, context)


def _one(params: RetrainParams, context: Context) -> None:
    parent = load_module(context, params.parent)
    root = parent.record.root_params
    loop = Loop.of(context, params, root, parent.dataset)
    result = loop.run(
        retrain,
        parent.model,
        mode=params.mode,
        settings=settings_of(parent.record),
        seed=root.seed + params.seed,
        epochs=params.epochs,
        kept=_kept(context, parent.record.root.key, root, params.mode),
        before=_before(context, parent.record, params.mode),
        masks=parent.masks,
    )
    if context.rank > 0:
        return
    loop.store(
        parent.model,
        result,
        masks=parent.masks,
        ancestors=parent.record.lineage,
        parameters=parent.record.parameters,
        results={"error_before": parent.record.error},
    )


def settings_of(record: ModelRecord) -> TrainParams:
    """The training settings of a lineage: its root's, overridden by those of later imports."""
    root = record.root_params
    schedule = {name: getattr(root, name) for name in Schedule.model_fields}
    for step in record.lineage[1:]:
        if step.kind == "import":
            schedule |= {name: step.params[name] for name in schedule if name in step.params}
    keep = root.kept_epoch
    return TrainParams.read(
        {"arch": record.arch, "dataset": root.dataset, "seed": root.seed, "keep_epoch": keep, **schedule}
    )


def _kept(context: Context, key: str, root: Root, mode: str) -> Arrays | None:
    """The early weights that weight-rewind starts from."""
    epoch = root.kept_epoch
    if mode != "weight-rewind" or epoch is None:
        return None
    kept = kept_key(key, epoch)
    if not context.store.has(kept):
        raise StoreError(
            f"{kept} is not in the store: train {key} again with --force to keep the weights of epoch {epoch}"
        )
    return context.store.tensors(kept)[0]


def _before(context: Context, record: ModelRecord, mode: str) -> Arrays | None:
    """The weights before the last pruning; least-squares fits the remaining weights to their outputs."""
    if mode != "least-squares" or record.kind != "prune":
        return None
    parent = str(record.parent)
    if not context.store.has(parent):
        raise StoreError(f"{parent} is not in the store: least-squares needs the network before pruning")
    return context.store.tensors(parent)[0]
