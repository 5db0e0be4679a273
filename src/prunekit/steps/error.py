"""Measure one model on its distributions, example by example."""

from __future__ import annotations

from collections.abc import Sequence

from prunekit.distribution import parse
from prunekit.measure.outcomes import outcomes
from prunekit.params import ErrorParams
from prunekit.steps.classes import known_classes
from prunekit.steps.context import Context, examples, load, save_outcomes, view_of


def run(batch: Sequence[ErrorParams], context: Context) -> None:
    """Measure the batch's one model on each of its distributions."""
    loaded = load(context, batch[0].model)
    root = loaded.record.root_params
    opened, network = loaded.dataset, loaded.lean()
    for params in batch:
        among = known_classes(params.distribution, opened, context.data)
        shift = parse(params.distribution)
        arrays = outcomes(
            network,
            examples(
                str(shift._replace(noise=None)),
                context.data,
                params.seed,
                root.seed,
                root.valid_fraction,
                view_of(opened),
            ),
            dataset=opened,
            noise=shift.noise,
            classes=among,
            seed=params.seed,
            device=context.device,
            progress=context.progress,
        )
        save_outcomes(context, params, arrays, opened, among=among)
