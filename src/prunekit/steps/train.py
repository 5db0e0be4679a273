"""Train a new network and store it, with the early epoch that weight rewinding may want."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from prunekit.models.archs import build
from prunekit.models.state import to_arrays
from prunekit.params import TrainParams
from prunekit.records import ModelRecord, Step
from prunekit.steps.context import Context, TrainingData, provenance, save, training_data
from prunekit.steps.fitting import fit_step


def run(batch: Sequence[TrainParams], context: Context) -> None:
    """Train every network of the batch."""
    for params in batch:
        data = training_data(context, params)
        model = build(params.arch, classes=len(data.dataset.classes), seed=params.seed).to(context.device)
        keep = _keeper(context, params, data)
        results = fit_step(context, params, params, model, data, seed=params.seed, after_epoch=keep)
        save(context, params, model, masks={}, results=results)


def _keeper(context: Context, params: TrainParams, data: TrainingData) -> Any:
    """Stores the weights after ``keep_epoch`` epochs as ``KEY@EPOCH``."""

    def keep(epoch: int, model: nn.Module) -> None:
        if epoch != params.keep_epoch:
            return
        total = sum(parameter.numel() for parameter in model.parameters())
        step = Step.of(params).model_copy(update={"key": f"{params.key}@{epoch}"})
        record = ModelRecord(
            key=step.key,
            lineage=(step,),
            classes=data.dataset.classes,
            parameters=total,
            nonzero=total,
            error=None,
            provenance=provenance(context.device),
        )
        context.store.save_model(record, to_arrays(model), {})

    return keep
