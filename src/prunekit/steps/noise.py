"""Compare models with another one under noise: one pass over the noisy images serves them all."""

from __future__ import annotations

from collections.abc import Sequence

from prunekit.measure.similarity import noise_similarity
from prunekit.params import NoiseParams
from prunekit.steps.context import Context, check_classes, dataset, examples, load, save_measurement


def run(batch: Sequence[NoiseParams], context: Context) -> None:
    """Compare every model of the batch with the one that they share as ``to``."""
    shared = batch[0]
    reference = load(context, shared.to)
    opened = dataset(reference.record.param("dataset"), context.data)
    check_classes(shared.distribution or opened.name, opened, context.data)
    models = {params.model: load(context, params.model).model for params in batch}
    found = noise_similarity(
        models,
        reference.model,
        examples(shared.distribution or opened.name, context.data),
        params=shared,
        dataset=opened,
        device=context.device,
        progress=context.progress,
    )
    for params in batch:
        summary = {"n": shared.images, "agreement": float(found[params.model]["agreement"].mean())}
        save_measurement(context, params, found[params.model], summary)
