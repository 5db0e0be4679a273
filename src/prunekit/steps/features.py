"""Find the pixels that a model's predictions rely on."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from prunekit.errors import UsageError
from prunekit.measure.features import informative_order
from prunekit.params import FeaturesParams
from prunekit.steps.context import Context, examples, load, save_measurement, view_of
from prunekit.store.records import MODULE


def run(batch: Sequence[FeaturesParams], context: Context) -> None:
    """Order the pixels of every image, for every model of the batch."""
    for params in batch:
        loaded = load(context, params.model)
        opened = loaded.dataset
        if params.candidates is not None and loaded.record.form != MODULE:
            raise UsageError(
                f"candidates: {loaded.record.key} is a program and has no gradients: omit candidates"
            )
        images = examples(params.distribution or opened.name, context.data, view=view_of(opened))
        if params.images > len(images):
            raise UsageError(f"images: {params.images} requested, but the distribution has {len(images)}")
        order = informative_order(
            loaded.lean(),
            images.subset(torch.arange(params.images)),
            dataset=opened,
            block=params.block,
            candidates=params.candidates,
            device=context.device,
            progress=context.progress,
        )
        save_measurement(context, params, {"order": order}, {"n": params.images})
