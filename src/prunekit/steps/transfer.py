"""Show a model's informative pixels to another model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch

from prunekit.measure.features import transfer
from prunekit.params import FeaturesParams, TransferParams
from prunekit.steps.classes import check_classes
from prunekit.steps.context import Context, examples, load, save_measurement, view_of


def run(batch: Sequence[TransferParams], context: Context) -> None:
    """Measure the confidence of the batch's one model on the pixels of each order."""
    loaded = load(context, batch[0].model)
    opened, network = loaded.dataset, loaded.lean()
    for params in batch:
        source = cast(FeaturesParams, context.store.measurement(params.features).step.read())
        order = context.store.outcomes(params.features)["order"]
        distribution = source.distribution or context.store.record(source.model).param("dataset")
        check_classes(distribution, opened, context.data)
        images = examples(distribution, context.data, view=view_of(opened)).subset(torch.arange(len(order)))
        confidence = transfer(
            order,
            network,
            images,
            dataset=opened,
            kept=params.kept,
            device=context.device,
            progress=context.progress,
        )
        save_measurement(context, params, {"confidence": confidence}, {"n": len(order)})
