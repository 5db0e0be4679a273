"""Rises in error over the unpruned parent: the basis of every verdict and every potential.

All rises of a study are judged together, so that each uses what all of them show about the variation between seeds.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from prunekit.analysis.curves import ResampledCurve, distinct_at, grouped, seeds_of
from prunekit.analysis.estimate import Estimate
from prunekit.analysis.outcome import Array
from prunekit.analysis.resample import over_repetitions
from prunekit.analysis.sampled import Sampled, estimates, pool, sampled
from prunekit.analysis.seeds import probit_scale, together
from prunekit.analysis.variant import Variant

BOTH_WAYS = (-1.0, 1.0)

# A ratio of the grid of one variant on one distribution.
Place = tuple[Variant, str, float]


class Rise(NamedTuple):
    """One rise: its estimate, its variance between networks, and the pruned network's share of that variance."""

    found: Estimate
    between: float
    share: float


def rises_of(curves: Sequence[ResampledCurve]) -> dict[Place, Rise]:
    """The rise at every ratio of every variant and distribution."""
    held = {
        (*name, rung): distinct_at(group, rung)
        for name, group in grouped(
            _ordered(curves), lambda curve: (curve.variant, curve.distribution)
        ).items()
        for rung in sorted({rung for curve in group for rung in curve.rungs})
    }
    if not held:
        return {}
    scales = _scales(held)
    rows = [
        _sampled(group, rung, scale)
        for ((_, _, rung), group), scale in zip(held.items(), scales.sum(axis=0).tolist(), strict=True)
    ]
    learn = pool(rows)
    shares = _shares(list(held), scales, rows, learn.spread.variance)
    found = estimates(rows, learn=learn)
    between = learn.spread.between.tolist()
    return {place: Rise(*each) for place, *each in zip(held, found, between, shares, strict=True)}


def _ordered(curves: Sequence[ResampledCurve]) -> list[ResampledCurve]:
    return sorted(curves, key=lambda curve: (curve.seed, curve.repetition))


def _sampled(held: Sequence[ResampledCurve], rung: float, scale: float) -> Sampled:
    return sampled(
        np.stack([curve.rise(rung) for curve in held]),
        seeds_of(held),
        made_up=held[0].parent_outcome.made_up[1],
        scale=scale,
        bounds=BOTH_WAYS,
    )


def _scales(held: Mapping[Place, Sequence[ResampledCurve]]) -> Array:
    """How much luck shows in the pruned networks, and in their parents, ``[2, places]``."""
    own = [_mean(curve.at(rung).errors[0] for curve in group) for (_, _, rung), group in held.items()]
    parents = [_mean(curve.base(rung).errors[0] for curve in group) for (_, _, rung), group in held.items()]
    return probit_scale(np.array([own, parents]))


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return found[0] if len(found) == 1 else float(np.mean(found))


def _shares(places: Sequence[Place], scales: Array, rows: Sequence[Sampled], variance: Array) -> list[float]:
    """The pruned network's share of the variance between networks; the rest moves all ratios of a parent together.

    It follows from the densities at the probits, and is at most the part that rises of one distribution do not share.
    """
    most = 1 - _moving_together(places, rows, variance)
    own, parents = scales
    shares: list[float] = np.minimum(own / (own + parents), most).tolist()
    return shares


def _moving_together(places: Sequence[Place], rows: Sequence[Sampled], variance: Array) -> float:
    seeds = list(dict.fromkeys(seed for row in rows for seed in row.seeds))
    values = np.full((len(rows), len(seeds)), np.nan)
    for number, row in enumerate(rows):
        values[number, [seeds.index(seed) for seed in row.seeds]] = row.moments.means
    names = list(dict.fromkeys((variant, distribution) for variant, distribution, _ in places))
    return together(values, variance, [names.index(place[:2]) for place in places])


def mean_rises(group: Sequence[ResampledCurve], rungs: Sequence[float]) -> Array:
    """The mean rise over seeds, ``[1 + resamples, rungs]``, of the curves that hold each ratio."""
    columns = []
    for rung in rungs:
        held = distinct_at(group, rung)
        rises = np.stack([curve.at(rung).errors - curve.base(rung).errors for curve in held])
        columns.append(over_repetitions(rises, seeds_of(held)).mean(axis=0))
    return np.stack(columns).T


def number_of(*words: object) -> int:
    """A random seed made from these names."""
    return zlib.crc32("\n".join(map(str, words)).encode())
