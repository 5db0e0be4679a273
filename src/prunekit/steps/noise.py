"""Compare models with a reference under noise, in one pass over the noisy images for all models."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from prunekit.data.datasets import Dataset
from prunekit.measure.renormalise import in_place_of
from prunekit.measure.similarity import noise_similarity
from prunekit.params import NoiseParams
from prunekit.steps.classes import check_classes
from prunekit.steps.context import Context, examples, load, save_measurement, view_of


def run(batch: Sequence[NoiseParams], context: Context) -> None:
    """Compare every model of the batch with their common ``to``."""
    shared = batch[0]
    reference = load(context, shared.to)
    opened = reference.dataset
    check_classes(shared.distribution or opened.name, opened, context.data)
    models = {params.model: _beside(context, params.model, opened) for params in batch}
    found = noise_similarity(
        models,
        reference.lean(),
        examples(shared.distribution or opened.name, context.data, view=view_of(opened)),
        params=shared,
        dataset=opened,
        device=context.device,
        progress=context.progress,
    )
    for params in batch:
        summary = {"n": shared.images, "agreement": float(found[params.model]["agreement"].mean())}
        save_measurement(context, params, found[params.model], summary)


def _beside(context: Context, key: str, reference: Dataset) -> nn.Module:
    """A network adapted to take the inputs of the one it is compared with."""
    loaded = load(context, key)
    return in_place_of(loaded.lean(), loaded.dataset, reference)
