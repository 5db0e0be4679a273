"""Studies whose true answers are known, for coverage.py: prune curves, networks around them, images that they share.

A world has prune curves on one nominal and two shifted distributions, also of networks with robust training, and an
agreement with the parent at each ratio.
Networks of several seeds scatter around it; images have a difficulty that all networks share, so that outcomes are
correlated as real ones are. ``STRESS`` lists worlds in which the networks scatter otherwise than the intervals assume.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

NOISES = 3
GRIDS = {5: np.array([0.15, 0.46, 0.69, 0.8, 0.95]), 23: 1 - 0.85 * 0.9 ** np.arange(23)}
DISTRIBUTIONS, DRAWS_PER_IMAGE, POPULATION = 3, 3, 2000
STRESS = (
    "as assumed",
    "one row varies four times as much",
    "luck shared across distributions",
    "three times the spread past the knee",
    "the parent's luck dominates",
)
AGREEING = 5
Array = np.ndarray


class World(NamedTuple):
    """Probits of the mean error ``[distributions, parent and ratios]`` and agreement ``[ratios and separate]``.

    ``spread`` is the standard deviation of a network's luck, shaped as the errors; ``shared`` that of the luck that a
    network has on all distributions alike, ``[parent and ratios]``; ``common`` that which all networks of a seed share.
    ``robust`` is as ``errors``, of networks trained robustly.
    """

    errors: Array
    robust: Array
    agreement: Array
    spread: Array
    shared: Array
    common: float
    grid: Array


class Networks(NamedTuple):
    """Probits of networks: errors ``[seeds, distributions, parent and ratios]``, agreement ``[seeds, ratios]``.

    ``robust`` is as ``errors``, of networks trained robustly. ``separate`` is the agreement of pairs of parents,
    ``[pairs]``: of all of them, or of one and a network without descendants where there is one seed only.
    """

    errors: Array
    robust: Array
    agreement: Array
    separate: Array


class Measured(NamedTuple):
    """What images show of networks, each array ``[..., n]``; shapes as :class:`Networks`.

    ``noisy`` ``[draws of noise, seeds, parent and ratios, n]`` is what the ordinary networks get wrong under noise, as
    often as nominally.
    """

    wrong: Array
    robust: Array
    noisy: Array
    agrees: Array
    separate: Array


def draw_world(rng: np.random.Generator, grid: Array, stress: str = STRESS[0]) -> World:
    """A world in which pruning helps a little, then hurts beyond a knee, earlier on shifted distributions."""
    parent = rng.uniform([0.02, 0.08, 0.2], [0.1, 0.25, 0.4])[:, None]
    knee = rng.uniform([0.6, 0.4, 0.2], [0.9, 0.85, 0.8])[:, None]
    steep, dip = rng.uniform(0.1, 0.6, (3, 1)), rng.uniform(0, 0.01, (3, 1))
    curve = (
        parent - dip * np.sin(np.pi * np.minimum(grid / knee, 1)) + steep * np.maximum(grid - knee, 0) ** 1.5
    )
    errors = _probits(parent, curve)
    later = np.minimum(knee + rng.uniform(-0.1, 0.3, (3, 1)), 0.95)
    robust = _probits(parent, parent + steep * np.maximum(grid - later, 0) ** 1.5)
    agreement = rng.uniform(0.8, 0.98) - rng.uniform(0, 0.2) * grid[-AGREEING:]
    common, point = rng.uniform(0.02, 0.06), rng.uniform(0.01, 0.05)
    spread, shared = _stressed(stress, np.full(errors.shape, point), np.append(0, grid) > knee)
    return World(
        errors, robust, ndtri(np.append(agreement, rng.uniform(0.7, 0.95))), spread, shared, common, grid
    )


def _probits(parent: Array, curve: Array) -> Array:
    return np.asarray(ndtri(np.clip(np.concatenate([parent, curve], axis=1), 0.003, 0.95)))


def _stressed(stress: str, spread: Array, past: Array) -> tuple[Array, Array]:
    at, point, shared = 1 + judged(spread.shape[1] - 1), spread[0, 0], np.zeros(spread.shape[1])
    if stress == STRESS[1]:
        spread[0, at] *= 4
    elif stress == STRESS[2]:
        return spread / 2, shared + point
    elif stress == STRESS[3]:
        return np.where(past, 3 * spread, spread), shared
    elif stress == STRESS[4]:
        spread[:, 0] *= 3
    return spread, shared


def judged(ratios: int) -> int:
    """The ratio at which the statistics of a single row are read: about two thirds up the grid."""
    return ratios * 3 // 5


def draw_networks(world: World, count: int, rng: np.random.Generator) -> Networks:
    """``count`` seeds of the world."""
    normal = rng.standard_normal
    pruned, separate = world.agreement[:-1], world.agreement[-1]
    own = normal(max(count, 2)) * world.common
    one, other = (
        np.triu_indices(len(own), 1) if count <= 10 else (np.arange(0, count, 2), np.arange(1, count, 2))
    )
    return Networks(
        _scattered(world.errors, world, count, rng),
        _scattered(world.robust, world, count, rng),
        pruned + world.common * normal((count, len(pruned))),
        separate + own[one] + own[other] + world.common / 2 * normal(len(one)),
    )


def _scattered(errors: Array, world: World, count: int, rng: np.random.Generator) -> Array:
    """``count`` networks around some errors, those of the robustly trained apart from the others."""
    luck = world.common * rng.standard_normal((count, 1, 1))
    luck = luck + world.shared * rng.standard_normal((count, 1, len(world.shared)))
    return np.asarray(errors + luck + world.spread * rng.standard_normal((count, *errors.shape)))


def measure(networks: Networks, n: int, rng: np.random.Generator) -> Measured:
    """What ``n`` images show of them."""

    def normal(*shape: int) -> Array:
        return rng.standard_normal(shape, dtype=np.float32)

    seeds, distributions, _ = networks.errors.shape
    shared = normal(n)
    nearby = normal(1, distributions, 1, n)

    def ease() -> Array:
        """What the networks of a seed share on an image; the images are those of both kinds of training."""
        parts = np.sqrt(0.4) * shared + np.sqrt(0.2) * (normal(seeds, 1, 1, n) + nearby)
        return np.asarray(parts, dtype=np.float32)

    def wrong(errors: Array, off: Array) -> Array:
        own = normal(*errors.shape, n)
        own *= np.float32(np.sqrt(0.2))
        own += off
        return np.asarray(own < errors[..., None].astype(np.float32))

    ordinary = ease()
    noisy = _noisy(networks.errors[:, 0], ordinary[:, 0], rng)
    shown = wrong(networks.errors, ordinary), wrong(networks.robust, ease()), noisy
    agrees = [_agrees(each, shared, rng) for each in (networks.agreement, networks.separate)]
    return Measured(*shown, *agrees)


def _noisy(errors: Array, ease: Array, rng: np.random.Generator) -> Array:
    """Wrong or not in each draw of the noise ``[draws, seeds, parent and ratios, n]``; half the luck is the draw's."""
    half = np.float32(np.sqrt(0.1))
    own = half * rng.standard_normal((*errors.shape, ease.shape[-1]), dtype=np.float32) + ease
    drawn = rng.standard_normal((NOISES, *own.shape), dtype=np.float32)
    return np.asarray(half * drawn + own < errors[..., None].astype(np.float32))


def _agrees(probits: Array, shared: Array, rng: np.random.Generator) -> Array:
    """Share of draws of noise ``[..., n]`` that agree."""
    chance = ndtr(((probits[..., None] - np.sqrt(0.6) * shared) / np.sqrt(0.4)).astype(np.float32))
    return (
        sum(rng.random(chance.shape, dtype=np.float32) < chance for _ in range(DRAWS_PER_IMAGE))
        / DRAWS_PER_IMAGE
    )
