"""Excess error: what a shift costs beyond the nominal error, and how much pruning adds to that.

The excess error of a network is its mean error on shifted distributions minus that on nominal ones. The difference in
excess error is that of the pruned network minus that of its unpruned parent. All severities of one corruption weigh as
one distribution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from prunekit.analysis.curves import ResampledCurve, Unit, grouped, seed_of
from prunekit.analysis.made_up import MadeUp
from prunekit.analysis.outcome import Array
from prunekit.analysis.proportions import Moments, combined, moments
from prunekit.analysis.resample import over_repetitions
from prunekit.analysis.seeds import probit_scale


class Excess(NamedTuple):
    """The difference in excess error of one unit's models at the ratios that all its distributions hold.

    ``values`` holds, per set of test images, what each image contributes, ``[models, n]``; ``draws`` have the shape
    ``[1 + resamples, models]``. ``scales``: how much luck shows in the pruned networks ``[models]``, and in the parent.
    """

    seed: int
    keys: tuple[str, ...]
    ratios: Array
    rungs: tuple[float, ...]
    values: Mapping[str, Array]
    draws: Array
    scales: tuple[Array, float]


def excess_of(unit: Unit, shifted: Mapping[str, float], nominal: Mapping[str, float]) -> Excess:
    """The difference for one variant, seed and repetition; each distribution comes with its weight in the mean."""
    weights = {**shifted, **{name: -weight for name, weight in nominal.items()}}
    first = unit[next(iter(weights))]
    rungs = tuple(rung for rung in first.rungs if all(unit[name].has(rung) for name in weights))
    values: dict[str, Array] = {}
    for images, names in grouped(weights, lambda name: unit[name].images).items():
        each = [
            weights[name] * np.stack([unit[name].rise(rung) for rung in rungs]) for name in names if rungs
        ]
        values[images] = np.sum(each, axis=0)
    models = [first.at(rung) for rung in rungs]
    return Excess(
        seed_of(unit),
        tuple(model.key for model in models),
        np.array([model.prune_ratio for model in models]),
        rungs,
        values,
        _draws(unit, weights, rungs),
        _scales(unit, weights, rungs),
    )


def _draws(unit: Unit, weights: Mapping[str, float], rungs: Sequence[float]) -> Array:
    draws = [
        weight * np.stack([_rise(unit[name], rung) for rung in rungs], axis=1)
        for name, weight in weights.items()
        if rungs
    ]
    return np.asarray(np.sum(draws, axis=0))


def _rise(curve: ResampledCurve, rung: float) -> Array:
    return np.asarray(curve.at(rung).errors - curve.parent)


def _scales(unit: Unit, weights: Mapping[str, float], rungs: Sequence[float]) -> tuple[Array, float]:
    squared = {name: weight**2 for name, weight in weights.items()}
    own = [
        sum(square * float(probit_scale(unit[name].at(rung).errors[0])) for name, square in squared.items())
        for rung in rungs
    ]
    parent = sum(square * float(probit_scale(unit[name].parent[0])) for name, square in squared.items())
    return np.array(own), float(parent)


def rise_draws(curve: ResampledCurve, keys: tuple[str, ...] | None = None) -> Array:
    """Each model's error minus the unpruned parent's, ``[1 + resamples, models]``."""
    chosen = [curve.keys.index(key) for key in (curve.keys if keys is None else keys)]
    return np.asarray(curve.errors[:, chosen] - curve.parent[:, None])


def slope_draws(ratios: Array, excess: Array) -> Array:
    """Least squares slope through the origin of excess ``[draws, models]`` on prune ratio ``[models]``."""
    return np.asarray(excess @ ratios / (ratios @ ratios))


def line(found: Excess, models: Sequence[int]) -> Array:
    """The weights of the chosen models in the slope through the origin, 0 for the others, ``[models]``."""
    weights = np.zeros(len(found.ratios))
    chosen = list(models)
    ratios = found.ratios[chosen]
    weights[chosen] = ratios / (ratios @ ratios) if len(chosen) else 0.0
    return weights


def moments_of(found: Sequence[Excess], weights: Sequence[Array], made_up: MadeUp) -> Moments:
    """The weighted sum over models (weights ``[models]``) by seed, combined over the sets of test images."""
    seeds = [each.seed for each in found]
    parts = [
        moments(
            over_repetitions(
                np.stack([weight @ each.values[images] for each, weight in zip(found, weights, strict=True)]),
                seeds,
            ),
            made_up.times(float(np.mean([weight.sum() for weight in weights]))),
        )
        for images in found[0].values
    ]
    return combined(parts, [1.0] * len(parts))


def scale_of(found: Sequence[Excess], weights: Sequence[Array]) -> float:
    """How much luck shows in a weighted sum over models; a parent's luck is in all of its models."""
    each = [
        float(weight**2 @ own.scales[0] + weight.sum() ** 2 * own.scales[1])
        for own, weight in zip(found, weights, strict=True)
    ]
    return float(np.mean(each))


def fit(ratios: Array, excess: Array) -> float | None:
    """R² of the line through the origin: the share of the sum of squares that it explains; None if that sum is 0."""
    total = float(excess @ excess)
    if total == 0:
        return None
    slope = float(excess @ ratios / (ratios @ ratios))
    left = excess - slope * ratios
    return 1 - float(left @ left) / total
