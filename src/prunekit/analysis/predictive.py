"""The prune potential expected of new networks: what a few seeds and test images say about others.

Three networks that agree on a ratio of the grid say little about a fourth. Each draw is therefore a world: true rises
in error that the images and seeds allow, and the potential that new networks have there on average.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from prunekit.analysis.made_up import MadeUp
from prunekit.analysis.outcome import Array
from prunekit.analysis.special import chdtri, ndtr

# Quadrature nodes and weights of the parent's luck, a standard normal number.
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
STILL = 1e-6
# At so many standard deviations a normal probability is 0 or 1 to the last digit.
CERTAIN = 8.5


class Worlds(NamedTuple):
    """What may be true on one distribution: mean rises ``[draws, ratios]``, and how single networks scatter about them.

    ``pruned`` and ``parent`` are standard deviations ``[ratios]`` of a network's own luck and of its parent's, which
    moves all ratios of a lineage together; ``stretch`` ``[draws]`` is the factor by which both may be off.
    """

    rises: Array
    pruned: Array
    parent: Array
    stretch: Array


def with_made_up(rises: Array, n: int, made_up: MadeUp, name: int) -> Array:
    """Resampled rises ``[draws, ratios]`` with the made-up images resampled as well, one draw for all ratios.

    Where no image differs, all resamples are the same; the made-up images keep the draws apart.
    """
    noise = _normal_draws(name, len(rises)) * np.sqrt(made_up.squares)
    return np.asarray((rises * n + made_up.total + noise) / (n + made_up.images))


@lru_cache(maxsize=4)
def _normal_draws(name: int, count: int) -> Array:
    """Normal draws ``[count, 1]``, made once per name because one name is used many times."""
    return np.random.default_rng(name).standard_normal((count, 1))


def worlds(
    rises: Array,
    between: Array,
    *,
    share: Array,
    degrees: float,
    seeds: int | Array,
    name: int,
    parents: int,
    seed: int,
) -> Worlds:
    """Draws of the truth from the image draws of the mean rise over ``seeds`` ``[draws, ratios]``.

    ``between`` ``[ratios]`` is the variance of a rise between networks, ``share`` the part of it that is the pruned
    network's rather than its parent's, ``degrees`` its degrees of freedom. ``name`` and ``parents`` seed the luck of
    the networks and of their parents: variants with the same parents share that luck, draw by draw.
    """
    draws = len(rises)
    stretch = stretches(draws, round(max(degrees, 1.0), 2), seed)
    pruned, parent = np.sqrt(between * share), np.sqrt(between * (1 - share))
    if not between.any():
        return Worlds(rises, pruned, parent, stretch)
    own = np.random.default_rng([seed, name, 1]).standard_normal(rises.shape)
    common = np.random.default_rng([seed, parents, 2]).standard_normal((draws, 1))
    luck = (own * pruned - common * parent) * stretch[:, None] / np.sqrt(seeds)
    return Worlds(rises + luck, pruned, parent, stretch)


@lru_cache(maxsize=16)
def stretches(draws: int, degrees: float, seed: int) -> Array:
    """The factor by which the spread between seeds may exceed its estimate, per draw: the root of ν / χ²."""
    shares = (np.arange(draws) + 0.5) / draws
    spread = np.sqrt(degrees / chdtri(degrees, shares))
    return np.asarray(np.random.default_rng([seed, 3]).permutation(spread))


def chances(world: Worlds, *, margin: float) -> Array:
    """Chance that a new network's potential is at least each ratio, ``[draws, ratios]`` by rising ratio."""
    pruned = np.maximum(world.pruned[:, None] * world.stretch, STILL)
    at = (world.rises.T - margin) / pruned
    moved = world.parent[:, None] * world.stretch / pruned
    found = np.zeros(at.shape)
    for node, weight in zip(NODES, WEIGHTS, strict=True) if moved.any() else ((0.0, 1.0),):
        fails = _normal_share(at - node * moved)
        for place in reversed(range(len(fails) - 1)):
            fails[place] *= fails[place + 1]
        found += weight * (1 - fails)
    return found.T


def _normal_share(z: Array) -> Array:
    """The normal distribution function, computed only where it is not certainly 0 or 1."""
    unsure = np.abs(z) < CERTAIN
    found = (z > 0).astype(np.float64)
    found[unsure] = ndtr(z[unsure])
    return found
