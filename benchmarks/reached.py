"""The intervals of potentials, and of their differences, for coverage.py: as prunekit makes them, of 400 resamples.

Many small studies are judged, so that arrays stand in for rows; the formulas are those of ``prunekit.analysis``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from prunekit.analysis.joint import Draws, outer_place
from prunekit.analysis.made_up import PAIRED, SHARE, MadeUp
from prunekit.analysis.potential import MARGIN, TOLERANCE
from prunekit.analysis.predictive import chances, with_made_up, worlds
from prunekit.analysis.proportions import Means, Moments, means_of, moments_of_sums, over_images
from prunekit.analysis.reach import LOWER, UPPER, between_ends
from prunekit.analysis.seeds import Moderated, Prior, moderated, over_networks, pooled, probit_scale, together
from worlds import Measured

RESAMPLES = 400
# The place of the ends of a difference among 10,000 draws, as a share (``Draws.ends``): fewer are drawn here.
OUTER = outer_place(10_000) / 10_000
Array = np.ndarray


def potential_of(errors: Array, grid: Array) -> Array:
    """Potentials ``[seeds, distributions]``."""
    passes = errors[:, :, 1:] - errors[:, :, :1] <= MARGIN + TOLERANCE
    return np.asarray(np.where(passes, grid, 0).max(axis=-1))


def moments(values: Array, made_up: MadeUp) -> Moments:
    """Of values ``[..., seeds, n]``."""
    products = np.matmul(values, np.swapaxes(values, -1, -2)).astype(np.float64)
    return moments_of_sums(values.sum(axis=-1, dtype=np.float64), products, values.shape[-1], made_up)


def judge(
    found: Moments, scale: Array, prior: Prior | None = None
) -> tuple[Array, Prior | None, Moderated | None]:
    """Intervals ``[2, ...]`` of rows of one kind, what they taught each other, and their spread."""
    shape, seeds = found.means.shape[:-1], found.means.shape[-1]
    rows = Means(*(np.asarray(part).reshape(-1) for part in means_of(found)))
    if seeds == 1:
        return over_images(rows).ends().reshape(2, *shape), None, None
    scale = np.broadcast_to(scale, shape).reshape(-1)
    prior = prior or pooled(rows, scale, found.means.reshape(-1, seeds))
    spread = moderated(rows, scale, prior)
    return over_networks(rows, spread).ends().reshape(2, *shape), prior, spread


def by_seed(wrong: Array) -> Array:
    """``[seeds, distributions, ratios, n]`` with the seeds last but one."""
    return np.moveaxis(wrong, 0, -2).astype(np.float32)


def rises_of(wrong: Array) -> Array:
    """Rises ``[distributions, ratios, seeds, n]`` of ``[seeds, distributions, parent and ratios, n]``."""
    errors = by_seed(wrong)
    return errors[:, 1:] - errors[:, :1]


@cache
def weights(n: int) -> Array:
    """How often each image occurs in each resample, ``[resamples, n]``: the same for all trials of a cell."""
    rng = np.random.default_rng(n)
    return np.stack([np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(RESAMPLES)]).astype(
        np.float32
    )


def _resampled(values: Array) -> Array:
    """Means of ``[distributions, ratios, n]`` over resamples, ``[distributions, resamples, ratios]``."""
    distributions, ratios, n = values.shape
    sums = weights(n) @ values.reshape(-1, n).T.astype(np.float32)
    return sums.reshape(-1, distributions, ratios).transpose(1, 0, 2) / n


class Rises(NamedTuple):
    """Rises ``[distributions, ratios, seeds, n]`` judged together: their intervals, and how networks scatter."""

    values: Array
    ends: Array
    spread: Moderated | None
    share: Array


def judge_rises(values: Array, own: Array, parent: Array) -> Rises:
    """All rises of a study; ``own`` and ``parent`` are the luck of networks and of their parents."""
    rises = moments(values, PAIRED)
    ends, _, spread = judge(rises, own + parent)
    share = np.minimum(own / (own + parent), 1 - (_moving_together(rises, spread) if spread else 0.0))
    return Rises(values, ends, spread, share)


def judged_alone(wrong: Array) -> Rises:
    """The rises of networks ``[seeds, distributions, parent and ratios, n]``, judged by themselves."""
    scale = probit_scale(moments(by_seed(wrong), SHARE).means.mean(axis=-1))
    return judge_rises(rises_of(wrong), scale[:, 1:], scale[:, :1])


def potentials_of(rises: Rises, at_least: Sequence[Array], grid: Array) -> dict[str, Array]:
    """Intervals of potentials, their mean and their minimum."""
    if rises.spread is None:
        return _potentials_of_one(rises, grid)
    steps = np.diff(grid, prepend=0.0)
    parts = {
        "potential, nominal": at_least[0] @ steps,
        "potential, shifted": at_least[1] @ steps,
        "mean potential": np.mean(at_least, axis=0) @ steps,
        "minimum potential": np.prod(at_least, axis=0) @ steps,
    }
    return {name: np.quantile(draws, [LOWER, UPPER]) for name, draws in parts.items()}


def _passing(rises: Array, grid: Array) -> Array:
    return np.asarray(np.where(rises <= MARGIN + TOLERANCE, grid, 0).max(axis=-1))


def _potentials_of_one(rises: Rises, grid: Array) -> dict[str, Array]:
    """Percentiles; the lower end is what is surely within the margin, where that is less."""
    potentials, sure = _passing(_resampled(rises.values[:, :, 0]), grid), _passing(rises.ends[1], grid)
    parts = {
        "potential, nominal": (potentials[0], sure[0]),
        "potential, shifted": (potentials[1], sure[1]),
        "mean potential": (potentials.mean(axis=0), sure.mean()),
        "minimum potential": (potentials.min(axis=0), sure.min()),
    }
    return {name: _percentiles(*part) for name, part in parts.items()}


def _percentiles(draws: Array, sure: float) -> Array:
    low, high = np.quantile(draws, 0.025, method="lower"), np.quantile(draws, 0.975, method="higher")
    return np.array([min(low, sure), high])


def _moving_together(rises: Moments, spread: Moderated) -> float:
    distributions, ratios, seeds = rises.means.shape
    groups = np.repeat(np.arange(distributions), ratios)
    return together(rises.means.reshape(-1, seeds), spread.variance, groups)


def at_least_of(rises: Rises, grid: Array, seeds: int, seed: int) -> list[Array]:
    """Per distribution the chance that a potential is at least each ratio ``[draws, ratios]``, as in ``reach.py``."""
    resampled, n = _resampled(rises.values.mean(axis=2)), rises.values.shape[-1]
    if rises.spread is None:
        drawn = [with_made_up(each, n, PAIRED, seed + place) for place, each in enumerate(resampled)]
        passes = np.stack(drawn) <= MARGIN + TOLERANCE
        return list(np.maximum.accumulate(passes[:, :, ::-1], axis=2)[:, :, ::-1].astype(np.float64))
    share = rises.share
    between, degrees = rises.spread.between.reshape(share.shape), float(np.median(rises.spread.degrees))
    return [
        chances(
            worlds(
                draws, between[d], share=share[d], degrees=degrees, seeds=seeds, name=d, parents=d, seed=seed
            ),
            margin=MARGIN + TOLERANCE,
        )
        for d, draws in enumerate(with_made_up(each, n, PAIRED, seed) for each in resampled)
    ]


def noise_potential(noisy: Array, grid: Array, seeds: int, seed: int) -> Array:
    """From wrong or not ``[draws of noise, seeds, parent and ratios, n]``, as in ``noise.py``.

    One seed: each draw of the noise by itself, with a strict limit. Several: what new networks reach on the mean error.
    """
    rises = judged_alone(noisy.mean(axis=0, dtype=np.float32)[:, None])
    if seeds > 1:
        draws = at_least_of(rises, grid, seeds, seed)[0] @ np.diff(grid, prepend=0.0)
        return np.quantile(draws, [LOWER, UPPER])
    resampled = _resampled(rises.values[:, :, 0])[0]
    errors = noisy[:, 0].mean(axis=-1)
    own = (errors[:, 1:] - errors[:, :1]) - (errors[:, 1:] - errors[:, :1]).mean(axis=0)
    drawn = with_made_up(resampled, noisy.shape[-1], PAIRED, seed)
    passes = drawn[None] + own[:, None] < MARGIN - TOLERANCE
    low, high = _percentiles(np.where(passes, grid, 0).max(axis=-1).mean(axis=0), np.inf)
    below = _percentiles(_passing(resampled, grid), float(_passing(rises.ends[1], grid)[0]))[0]
    return np.array([min(low, below), high])


def robust_gains(measured: Measured, grid: Array, seeds: int, seed: int) -> dict[str, Array]:
    """Potential of robustly trained networks less that of the others, as in ``robust.py``."""
    rises = judged_alone(np.concatenate([measured.wrong, measured.robust], axis=1))
    drawn = [between_ends(each, grid, 0.0) for each in at_least_of(rises, grid, seeds, seed)]
    half = len(drawn) // 2
    gains = [robust.less(own) for own, robust in zip(drawn[:half], drawn[half:], strict=True)]
    mean = Draws(
        0.0, np.mean([each.least for each in gains], axis=0), np.mean([each.most for each in gains], axis=0)
    )
    return {"robust gain, shifted": _outer_ends(gains[1]), "mean robust gain": _outer_ends(mean)}


def nominal_less_smallest(at_least: Sequence[Array], grid: Array) -> Array:
    """The contrast of claim 13, as in ``contrasts.py``."""
    nominal, smallest = (between_ends(each, grid, 0.0) for each in (at_least[0], np.prod(at_least, axis=0)))
    return _outer_ends(nominal.less(smallest))


def _outer_ends(draws: Draws) -> Array:
    low = np.quantile(draws.least, OUTER, method="lower")
    return np.array([low, np.quantile(draws.most, 1 - OUTER, method="higher")])
