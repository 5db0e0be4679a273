"""Separate networks as controls: every unordered pair counts once, and the interval is a jackknife over networks.

Where parents are each other's separate networks, a pair of them is measured from both ends. The mean over all pairs
is a U-statistic: its variance over trainings is that of the means with one network left out (Arvesen 1969).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from prunekit.analysis.estimate import Estimate
from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Array
from prunekit.analysis.resample import estimate, quantiles_of, student_draws

FEWEST = 3

# What two networks show of each other, ``[1 + resamples]``, by the keys of both.
Pairs = Mapping[frozenset[str], Array]


def mean_of_pairs(pairs: Pairs) -> Array:
    """The mean over all pairs, ``[1 + resamples]``."""
    return np.asarray(np.mean(list(pairs.values()), axis=0))


def gains_of(own: Mapping[str, Array], pairs: Pairs) -> dict[str, Array]:
    """By parent, what its pruned networks show less the mean over the pairs that the parent is in."""
    controls = {parent: [draws for pair, draws in pairs.items() if parent in pair] for parent in own}
    return {parent: own[parent] - np.mean(found, axis=0) for parent, found in controls.items() if found}


def mean_gain(own: Mapping[str, Array], pairs: Pairs) -> Array:
    """The mean of :func:`gains_of` over parents, ``[1 + resamples]``."""
    return np.asarray(np.mean(list(gains_of(own, pairs).values()), axis=0))


def pairs_estimate(pairs: Pairs, *, n: int, bounds: tuple[float, float], flags: tuple[Flag, ...]) -> Estimate:
    """The mean over all pairs; where one network is in all of them, the others are the units instead."""
    networks = sorted(frozenset().union(*pairs))
    left = [_without(pairs, network) for network in networks]
    if len(networks) >= FEWEST and all(left):
        return _jackknife(mean_of_pairs(pairs), list(map(mean_of_pairs, left)), n, bounds, flags)
    found = estimate(np.stack(list(pairs.values())), n=n, bounds=bounds, flags=flags)
    return found._replace(
        flags=tuple(Flag.ONE_PAIR if each == Flag.ONE_SEED else each for each in found.flags)
    )


def gain_estimate(own: Mapping[str, Array], pairs: Pairs, *, n: int) -> Estimate:
    """The mean gain over the control; where a network cannot be left out, the parents are the units instead."""
    gains = gains_of(own, pairs)
    networks = sorted(frozenset(gains).union(*pairs))
    left = [
        ({parent: own[parent] for parent in gains if parent != network}, _without(pairs, network))
        for network in networks
    ]
    if len(networks) >= FEWEST and all(gains_of(*each) for each in left):
        return _jackknife(mean_gain(own, pairs), [mean_gain(*each) for each in left], n)
    return estimate(np.stack(list(gains.values())), n=n)


def _without(pairs: Pairs, network: str) -> Pairs:
    return {pair: draws for pair, draws in pairs.items() if network not in pair}


def _jackknife(
    draws: Array,
    left_out: Sequence[Array],
    n: int,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    flags: tuple[Flag, ...] = (),
) -> Estimate:
    """The mean with the spread over trainings by leaving out one network at a time, and that over images on top."""
    count, values = len(left_out), np.array([each[0] for each in left_out])
    error = np.sqrt((count - 1) / count * np.square(values - values.mean()).sum())
    spread = draws[1:] + error * student_draws(len(draws) - 1, count - 1)
    low, high = quantiles_of(spread)
    made = f"95 % percentile, {len(draws) - 1} paired resamples of images, jackknife over {count} networks"
    return Estimate(
        float(draws[0]), float(np.clip(low, *bounds)), float(np.clip(high, *bounds)), n, count, made, flags
    )
