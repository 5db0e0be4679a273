"""Train a new network and store it, with the early epoch that weight rewinding may need."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from prunekit.data.preprocessing import Preprocessing, to_json
from prunekit.models.archs import build
from prunekit.models.state import Arrays
from prunekit.params import TrainParams
from prunekit.steps.classes import seen_with
from prunekit.steps.context import Context, TrainingData, dataset, provenance
from prunekit.steps.loop import Loop
from prunekit.steps.versions import model_sources
from prunekit.store.records import ModelRecord, Step
from prunekit.training.loop import fit


def run(batch: Sequence[TrainParams], context: Context) -> None:
    """Train every network of the batch."""
    for params in batch:
        own = dataset(params.dataset, context.data)
        opened = seen_with(own, Preprocessing.of(own), params)
        loop = Loop.of(context, params, params, opened)
        model = build(params.arch, classes=len(loop.data.dataset.classes), seed=params.seed)
        result = loop.run(fit, model, settings=params, seed=params.seed)
        if context.rank > 0:
            continue
        if result.kept is not None:
            _keep(context, params, model, loop.data, result.kept)
        loop.store(model, result, masks={})


def _keep(context: Context, params: TrainParams, model: nn.Module, data: TrainingData, kept: Arrays) -> None:
    """Store the weights of an early epoch as ``KEY@EPOCH``; they are not measured."""
    total = sum(parameter.numel() for parameter in model.parameters())
    step = Step.of(params).model_copy(update={"key": kept_key(params.key, params.keep_epoch)})
    record = ModelRecord(
        key=step.key,
        lineage=(step,),
        classes=data.dataset.classes,
        parameters=total,
        nonzero=total,
        error=None,
        preprocessing=to_json(Preprocessing.of(data.dataset)),
        provenance=provenance(context.device) | model_sources([step], context.store, context.data).noted(),
    )
    context.store.save_model(record, kept, {})


def kept_key(key: str, epoch: int | None) -> str:
    """The key under which the weights of an early epoch are kept."""
    return f"{key}@{epoch}"
