"""Prune potential: how far a network can be pruned before its error on one distribution rises by a margin.

Liebenwein et al. 2021: the largest tested prune ratio whose error is at most the unpruned parent's plus the margin; any
tested ratio counts, even one beyond a ratio that fails; 0 if none passes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Array
from prunekit.analysis.verdict import Margin, checked
from prunekit.params import MARGIN as MARGIN

# Far below the 1 / n by which errors differ, far above float rounding: "at most" is decided as if by counts.
TOLERANCE = 1e-9

# Seeds that happen to agree on a ratio of the grid say little about other seeds (docs/statistics.md).
ENOUGH_SEEDS = 10


def prune_potential(points: Sequence[tuple[float, float]], parent_error: float, margin: float) -> float:
    """The largest prune ratio of ``points`` (ratio, error) with error <= ``parent_error`` + ``margin``, else 0."""
    checked(Margin(margin))
    if not points:
        return 0.0
    ratios, errors = np.array(points, dtype=np.float64).T
    return float(potential_draws(ratios, errors[None], np.array([parent_error]), margin=margin)[0])


def potential_draws(ratios: Array, errors: Array, parent: Array, *, margin: float) -> Array:
    """The potential of every draw ``[draws]``, from errors ``[draws, ratios]`` and the parent's ``[draws]``.

    The parent's may have a column for each ratio, ``[draws, ratios]``: the error that each is judged against.
    """
    commensurate = is_commensurate(errors, parent, margin=margin)
    found = np.zeros(len(commensurate))
    for ratio, passes in zip(ratios, commensurate.T, strict=True):
        np.maximum(found, passes * ratio, out=found)
    return found


def is_commensurate(errors: Array, parent: Array, *, margin: float) -> Array:
    """Whether each error ``[draws, ratios]`` is at most the parent's plus the margin (inclusive)."""
    base = np.asarray(parent)
    return np.asarray(errors <= (base if base.ndim > 1 else base[:, None]) + (margin + TOLERANCE))


def interpolated_draws(ratios: Array, errors: Array, parent: Array, *, margin: float) -> Array:
    """Like :func:`potential_draws`, but the ratio at which a straight line to the next tested ratio meets the limit.

    Not the paper's definition: it leaves the grid. The parent is the point at ratio 0.
    """
    order = np.argsort(ratios)
    grid = np.concatenate([[0.0], ratios[order]])
    curve = np.column_stack([parent, errors[:, order]])
    passes = is_commensurate(curve, parent, margin=margin)
    last = len(grid) - 1 - passes[:, ::-1].argmax(axis=1)
    following = np.minimum(last + 1, len(grid) - 1)
    at, then = (np.take_along_axis(curve, index[:, None], axis=1)[:, 0] for index in (last, following))
    rise = np.where(following > last, then - at, 1.0)
    share = np.clip((parent + margin - at) / rise, 0, 1)
    return np.asarray(grid[last] + (grid[following] - grid[last]) * share)


def potential_flags(
    ratios: Array, errors: Array, parent: float | Array, *, margin: float
) -> tuple[Flag, ...]:
    """The cautions about one curve's potential: errors ``[ratios]``; the parent's, one or as many."""
    passes = is_commensurate(errors[None], np.array([parent]), margin=margin)[0][np.argsort(ratios)]
    found = {
        Flag.AT_LARGEST: bool(passes[-1:].any()),
        Flag.NONE_COMMENSURATE: not passes.any(),
        Flag.NOT_MONOTONE: bool((passes[1:] & ~np.minimum.accumulate(passes)[:-1]).any()),
    }
    return tuple(flag for flag, applies in found.items() if applies)
