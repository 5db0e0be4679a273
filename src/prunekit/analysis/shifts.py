"""Nominal or shifted, decided only here: by a distribution's name and the data set of the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache

import numpy as np

from prunekit.analysis.outcome import Array
from prunekit.analysis.variant import Variant
from prunekit.distribution import MIXTURES, Distribution, parse
from prunekit.errors import UsageError

# The distributions of each named set, for the networks of one variant.
Sets = Callable[[Variant], Mapping[str, Sequence[str]]]


class Set(StrEnum):
    """A named set of distributions over which findings are summarised."""

    NOMINAL = "nominal"
    SHIFTED = "shifted"
    ALL = "nominal and shifted"
    SEEN = "seen in robust training"
    UNSEEN = "not seen in robust training"


@lru_cache(maxsize=4096)
def parts_of(name: str | None) -> Distribution | None:
    """The parts of a distribution's name; None for the name of a set."""
    try:
        return parse(name) if name else None
    except UsageError:
        return None


def is_nominal(name: str, dataset: str | None) -> bool:
    """Whether this is the unmodified test split of the network's own data set."""
    found = parts_of(name)
    return found is not None and found.nominal and (found.dataset, found.split) == (dataset, "test")


def is_shifted(name: str, dataset: str | None) -> bool:
    """Whether the images differ from the network's own data set; its own splits, whatever their name, do not."""
    found = parts_of(name)
    return found is None or not (found.nominal and found.dataset == dataset)


def nominal_of(names: Iterable[str], dataset: str | None) -> bool | None:
    """Whether all of these distributions are nominal; None if only some are."""
    found = {is_nominal(name, dataset) for name in names}
    return found.pop() if len(found) == 1 else None


def sets_among(names: Iterable[str], trained_on: Iterable[str | None] = ()) -> Sets:
    """The named sets among these distributions, in their order; an empty set is left out.

    ``trained_on`` are the training distributions of a study's robust networks. With them there are two more sets: what
    such networks saw in training (their own data and the corruptions mixed into it), and what they did not see.
    """
    names = list(dict.fromkeys(names))
    mixed = {name for each in trained_on if each for name in _mixed_into(each)}

    def sets(variant: Variant) -> Mapping[str, Sequence[str]]:
        nominal = [name for name in names if is_nominal(name, variant.dataset)]
        shifted = [name for name in names if is_shifted(name, variant.dataset)]
        both = [name for name in names if name in (*nominal, *shifted)]
        found = {Set.NOMINAL: nominal, Set.SHIFTED: shifted}
        if nominal and shifted:
            found[Set.ALL] = both
        if mixed:
            seen = [name for name in both if name in nominal or _corruption(name) in mixed]
            found |= {Set.SEEN: seen, Set.UNSEEN: [name for name in both if name not in seen]}
        return {str(name): members for name, members in found.items() if members}

    return sets


def _mixed_into(train_distribution: str) -> tuple[str, ...]:
    found = parts_of(train_distribution)
    return MIXTURES.get(found.mixture or "", ()) if found else ()


def _corruption(name: str) -> str | None:
    found = parts_of(name)
    return found.corruption if found else None


def weights_of(names: Sequence[str]) -> tuple[Array, bool]:
    """The weight of each distribution in a mean, and whether any share a weight.

    The severities of one corruption are one distribution seen several times, and weigh as one.
    """
    kinds = [_without_severity(name) for name in names]
    counts = Counter(kinds)
    weights = np.array([1 / (len(counts) * counts[kind]) for kind in kinds])
    return weights, len(counts) < len(names)


def _without_severity(name: str) -> str:
    found = parts_of(name)
    return name if found is None else repr(found._replace(severity=0))
