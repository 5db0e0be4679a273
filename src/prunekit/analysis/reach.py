"""How far a variant can be pruned on one distribution: its potential on every draw, and that of new networks.

With one seed a draw is a resample of the images, including made-up ones. With several it is a world
(``predictive.py``), and holds the chance that a new network's potential is at least each ratio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from prunekit.analysis.curves import ResampledCurve, distinct_at, seeds_of
from prunekit.analysis.joint import Draws
from prunekit.analysis.outcome import Array
from prunekit.analysis.potential import TOLERANCE, is_commensurate, potential_draws
from prunekit.analysis.predictive import chances, with_made_up, worlds
from prunekit.analysis.resample import over_repetitions
from prunekit.analysis.rises import Place, Rise, mean_rises, number_of
from prunekit.analysis.verdict import Margin

# The best of many ratios is optimistic, for new networks as for these: the lower limit is the 1 % quantile
# (docs/decisions/058-analysis-potentials-of-new-networks.md).
LOWER, UPPER = 0.01, 0.975


class Reach(NamedTuple):
    """The potential of one variant on one distribution.

    ``at_least`` ``[units, draws, ratios]`` holds chances by rising ratio: with one seed those of each network (0 or 1),
    with several those of new networks. ``rungs`` are the requested ratios, ``ratios`` the achieved ones.
    """

    rungs: tuple[float, ...]
    ratios: Array
    at_least: Array
    value: float
    several: bool

    def expected(self, *, achieved: bool = False) -> Draws:
        """The potential per draw; at either end of the grid it is only known to lie between two bounds."""
        ratios = self.ratios if achieved else np.array(self.rungs)
        return between_ends(self.at_least.mean(axis=0), ratios, self.value)

    def on(self, rungs: Sequence[float]) -> Array:
        """``at_least`` at the ratios of another grid, each taken from the next tested ratio."""
        if tuple(rungs) == self.rungs:
            return self.at_least
        places = np.searchsorted(self.rungs, rungs)
        padded = np.concatenate([self.at_least, np.zeros((*self.at_least.shape[:2], 1))], axis=2)
        return np.asarray(padded[:, :, places])


def between_ends(at_least: Array, ratios: Array, value: float) -> Draws:
    """Draws of a potential from chances ``[draws, ratios]``; one below the smallest ratio may be anything down to 0."""
    least = at_least @ np.diff(ratios, prepend=0.0)
    above = at_least[:, -1] * (1 - ratios[-1])
    below = (1 - at_least[:, 0]) * ratios[0]
    return Draws(value, least, least + above + below, on_grid=True)


def reach_of(
    group: Sequence[ResampledCurve], rises: Mapping[Place, Rise], margin: Margin, *, seed: int = 0
) -> Reach | None:
    """The reach of one variant's curves on one distribution; None without any pruned network."""
    rungs = tuple(sorted({rung for curve in group for rung in curve.rungs}))
    if not rungs:
        return None
    several = len(set(seeds_of(group))) > 1
    ratios = np.array([_ratio(group, rung) for rung in rungs])
    asked = [_asked_potential(curve, margin) for curve in group]
    value = float(over_repetitions(np.array(asked)[:, None], seeds_of(group)).mean())
    at_least = _new_networks(group, rungs, rises, margin, seed) if several else _these(group, rungs, margin)
    return Reach(rungs, ratios, at_least, value, several)


def _ratio(group: Sequence[ResampledCurve], rung: float) -> float:
    return float(np.mean([curve.at(rung).prune_ratio for curve in distinct_at(group, rung)]))


def limit_of(curve: ResampledCurve, margin: Margin) -> Array:
    """The largest error that is within the margin, ``[1 + resamples, points]``, or one column for all points."""
    return np.asarray(curve.bases + margin.of(curve.bases))


def _allowed(group: Sequence[ResampledCurve], rung: float, margin: Margin) -> Array:
    """The rise that is within the margin at a ratio, ``[1 + resamples]``."""
    bases = [curve.base(rung).errors for curve in distinct_at(group, rung)]
    return np.asarray(np.mean([base + margin.of(base) - base for base in bases], axis=0))


def _asked_potential(curve: ResampledCurve, margin: Margin) -> float:
    limit = limit_of(curve, margin)[:1]
    return float(potential_draws(np.array(curve.rungs), curve.errors[:1], limit, margin=0.0)[0])


def _these(group: Sequence[ResampledCurve], rungs: Sequence[float], margin: Margin) -> Array:
    """Whether each network's potential is at least each ratio, per resample."""
    found = np.empty((len(group), len(group[0].parent) - 1, len(rungs)))
    for number, curve in enumerate(group):
        allowed = limit_of(curve, margin)[1:] - curve.bases[1:]
        passes = is_commensurate(drawn_rises(curve), allowed, margin=0.0).T
        for place, rung in enumerate(rungs):
            found[number, :, place] = passes[np.array(curve.rungs) >= rung - TOLERANCE].any(axis=0)
    return found


def drawn_rises(curve: ResampledCurve) -> Array:
    """The rises of one network in every resample ``[resamples, ratios]``, with the made-up images resampled as well.

    Made-up images are drawn separately for each network and distribution: where no image differs, all resamples are the
    same, and two such potentials would otherwise be equal with certainty.
    """
    name = number_of(curve.variant.id, curve.distribution, curve.images, curve.seed, curve.repetition)
    rises = curve.errors[1:] - curve.bases[1:]
    return with_made_up(rises, curve.n, curve.parent_outcome.made_up[1], name)


def _new_networks(
    group: Sequence[ResampledCurve],
    rungs: Sequence[float],
    rises: Mapping[Place, Rise],
    margin: Margin,
    seed: int,
) -> Array:
    """The chance that a new network's potential is at least each ratio, per world."""
    first = group[0]
    known = [rises[first.variant, first.distribution, rung] for rung in rungs]
    allowed = np.stack([_allowed(group, rung, margin) for rung in rungs], axis=1)
    parents = sorted({curve.parent_key for curve in group})
    resampled = with_made_up(
        mean_rises(group, rungs)[1:], first.n, first.parent_outcome.made_up[1], number_of(first.images, seed)
    )
    world = worlds(
        resampled,
        np.array([each.between for each in known]),
        share=np.array([each.share for each in known]),
        degrees=float(np.median([each.found.degrees for each in known])),
        seeds=np.array([each.found.seeds for each in known]),
        name=number_of(first.variant.id, first.distribution, first.images),
        parents=number_of(*parents, first.distribution, first.images),
        seed=seed,
    )
    beyond = world.rises - (allowed[1:] + TOLERANCE)
    return chances(world._replace(rises=beyond), margin=0.0)[None]
