"""Nominal or shifted, decided once: by a distribution's name and the data set that a network was trained for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

from prunekit.analysis.variant import Variant
from prunekit.distribution import Distribution, parse
from prunekit.errors import UsageError

# The distributions of each named set, for the networks of one variant.
Sets = Callable[[Variant], Mapping[str, Sequence[str]]]


class Set(StrEnum):
    """A named set of distributions that findings are summed up over."""

    NOMINAL = "nominal"
    SHIFTED = "shifted"
    ALL = "nominal and shifted"


def parts_of(name: str | None) -> Distribution | None:
    """A distribution by its parts; None for the name of a set of them."""
    try:
        return parse(name) if name else None
    except UsageError:
        return None


def is_nominal(name: str, dataset: str | None) -> bool:
    """Whether this is the test split of the network's own data set, and nothing else."""
    found = parts_of(name)
    return found is not None and found.nominal and (found.dataset, found.split) == (dataset, "test")


def is_shifted(name: str, dataset: str | None) -> bool:
    """Whether images differ from those that the network was made for; its own splits of every name do not."""
    found = parts_of(name)
    return found is None or not (found.nominal and found.dataset == dataset)


def nominal_of(names: Iterable[str], dataset: str | None) -> bool | None:
    """Whether all of these distributions are nominal; None where some are and some are not."""
    found = {is_nominal(name, dataset) for name in names}
    return found.pop() if len(found) == 1 else None


def sets_among(names: Iterable[str]) -> Sets:
    """The named sets among these distributions, in their order; an empty set is left out."""
    names = list(dict.fromkeys(names))

    def sets(variant: Variant) -> Mapping[str, Sequence[str]]:
        nominal = [name for name in names if is_nominal(name, variant.dataset)]
        shifted = [name for name in names if is_shifted(name, variant.dataset)]
        both = [name for name in names if name in (*nominal, *shifted)]
        found = {Set.NOMINAL: nominal, Set.SHIFTED: shifted}
        if nominal and shifted:
            found[Set.ALL] = both
        return {str(name): members for name, members in found.items() if members}

    return sets
