"""Separate networks as controls: every unordered pair counts once, and networks are left out one at a time.

Where parents are each other's separate networks, each pair is measured in both directions. The mean over all pairs is a
U-statistic: its variance over trainings is that of the means with one network left out (Arvesen 1969). The effect of
leaving out a network gives that network's own value (a pseudo-value), image by image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from prunekit.analysis.outcome import Array

FEWEST = 3

# The values of each pair of networks, ``[...]``, by the keys of both.
Pairs = Mapping[frozenset[str], Array]


class Valued(NamedTuple):
    """Values of the units that vary, ``[units, ...]``, and the number of control pairs behind them.

    ``pairs`` is 0 where networks were left out one at a time: the spread of the values then includes their luck.
    """

    values: Array
    pairs: int


def mean_of_pairs(pairs: Pairs) -> Array:
    """The mean over all pairs, ``[...]``."""
    return np.asarray(np.mean(list(pairs.values()), axis=0))


def gains_of(own: Mapping[str, Array], pairs: Pairs) -> dict[str, Array]:
    """By parent, the value of its pruned networks minus the mean over the pairs that include the parent."""
    controls = {parent: [values for pair, values in pairs.items() if parent in pair] for parent in own}
    return {parent: own[parent] - np.mean(found, axis=0) for parent, found in controls.items() if found}


def mean_gain(own: Mapping[str, Array], pairs: Pairs) -> Array:
    """The mean of :func:`gains_of` over parents, ``[...]``."""
    return np.asarray(np.mean(list(gains_of(own, pairs).values()), axis=0))


def pair_values(pairs: Pairs) -> Valued:
    """One value per network, whose mean is that over all pairs; one per pair if a network is in all of them."""
    networks = sorted(frozenset().union(*pairs))
    left = [_without(pairs, network) for network in networks]
    if len(networks) >= FEWEST and all(left):
        return Valued(_pseudo(mean_of_pairs(pairs), list(map(mean_of_pairs, left))), 0)
    return Valued(np.stack(list(pairs.values())), len(pairs))


def gain_values(own: Mapping[str, Array], pairs: Pairs) -> Valued:
    """One value per network, whose mean is the mean gain; one per parent if a network cannot be left out."""
    gains = gains_of(own, pairs)
    networks = sorted(frozenset(gains).union(*pairs))
    left = [
        ({parent: own[parent] for parent in gains if parent != network}, _without(pairs, network))
        for network in networks
    ]
    if len(networks) >= FEWEST and all(gains_of(*each) for each in left):
        return Valued(_pseudo(mean_gain(own, pairs), [mean_gain(*each) for each in left]), 0)
    return Valued(np.stack(list(gains.values())), len(pairs))


def _without(pairs: Pairs, network: str) -> Pairs:
    return {pair: values for pair, values in pairs.items() if network not in pair}


def _pseudo(whole: Array, left_out: Sequence[Array]) -> Array:
    """The pseudo-value of each network that was left out, ``[networks, ...]``; their mean is ``whole``."""
    count = len(left_out)
    return np.asarray(whole - (count - 1) * (np.stack(left_out) - np.mean(left_out, axis=0)))
