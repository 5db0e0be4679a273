"""Excess error: what a shift costs beyond the nominal error, and how much more of it pruning brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from prunekit.analysis.curves import ResampledCurve
from prunekit.analysis.outcome import Array


class Excess(NamedTuple):
    """The difference in excess error of one seed's models: ``draws`` is ``[1 + resamples, models]``."""

    seed: int
    keys: tuple[str, ...]
    ratios: Array
    rungs: tuple[float, ...]
    draws: Array

    @property
    def slope(self) -> Array:
        """The slope through the origin of every draw, ``[1 + resamples]``."""
        return slope_draws(self.ratios, self.draws)


def excess_of(seed: int, shifted: Sequence[ResampledCurve], nominal: Sequence[ResampledCurve]) -> Excess:
    """Excess error of the pruned models less that of their unpruned parent.

    The excess error is the mean error over the shifted distributions less that over the nominal ones, each
    distribution weighted alike. All curves are of one variant, seed and repetition; models that one of the
    distributions lacks are left out.
    """
    curves = [*shifted, *nominal]
    first = curves[0]
    at = [index for index, key in enumerate(first.keys) if all(key in each.keys for each in curves)]
    keys = tuple(first.keys[index] for index in at)
    draws = _mean_rise(shifted, keys) - _mean_rise(nominal, keys)
    return Excess(seed, keys, first.ratios[at], tuple(first.rungs[index] for index in at), draws)


def _mean_rise(curves: Sequence[ResampledCurve], keys: tuple[str, ...]) -> Array:
    return np.asarray(np.mean([rise_draws(curve, keys) for curve in curves], axis=0))


def rise_draws(curve: ResampledCurve, keys: tuple[str, ...] | None = None) -> Array:
    """How much higher than the unpruned parent's each model's error is, ``[1 + resamples, models]``."""
    chosen = [curve.keys.index(key) for key in (curve.keys if keys is None else keys)]
    return np.asarray(curve.errors[:, chosen] - curve.parent[:, None])


def slope_draws(ratios: Array, excess: Array) -> Array:
    """Least squares slope through the origin of excess ``[draws, models]`` on prune ratio ``[models]``."""
    return np.asarray(excess @ ratios / (ratios @ ratios))
