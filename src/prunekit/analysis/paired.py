"""A pruned network's stored outcomes beside those of its unpruned parent, image by image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from prunekit.analysis.curves import grouped, images_of, rung_of
from prunekit.analysis.outcome import Array
from prunekit.analysis.resample import resampled_sums
from prunekit.errors import UsageError

Arrays = Mapping[str, Array]


class Paired(NamedTuple):
    """One pruned network and its unpruned parent on one distribution: per-example arrays as stored.

    ``own`` and ``reference`` hold ``predicted``, ``label``, ``rank``, ``loss`` and ``confidence``, ``[n]`` each
    (``brier`` where stored). ``asked`` is the grid's ratio.
    """

    method: str
    seed: int
    prune_ratio: float
    key: str
    parent: str
    distribution: str
    own: Arrays
    reference: Arrays
    asked: float | None = None

    @property
    def rung(self) -> float:
        """Its place on the grid."""
        return rung_of(self.prune_ratio, self.asked)

    @property
    def n(self) -> int:
        """How many images."""
        return len(self.own["label"])


def across_seeds(pairs: Iterable[Paired]) -> list[list[Paired]]:
    """The pairs that differ in their seed only, by rising seed; UsageError where test sets are mixed.

    Of several networks of one seed the first counts: a second one is not a second seed.
    """
    by_network = grouped(pairs, lambda pair: (pair.method, pair.distribution, pair.rung, pair.seed))
    ordered = sorted((first for first, *_ in by_network.values()), key=lambda pair: pair.seed)
    groups = list(grouped(ordered, lambda pair: (pair.method, pair.distribution, pair.rung)).values())
    for group in groups:
        for pair in group:
            _check_same_images(pair, group[0])
    return groups


def _check_same_images(pair: Paired, first: Paired) -> None:
    labels = first.own["label"]
    if not all(np.array_equal(each["label"], labels) for each in (pair.own, pair.reference)):
        raise UsageError(
            f"outcomes of different test sets are mixed: {pair.key} and {pair.parent} on {pair.distribution} "
            "do not have the same labels"
        )


def resampled_means(
    groups: Iterable[list[Paired]], columns: Callable[[Paired], Array], *, resamples: int, seed: int
) -> Iterator[tuple[list[Paired], Array]]:
    """Each group with means over images of what ``columns`` gives ``[n, k]``: draws ``[k, seeds, 1 + resamples]``."""
    stacked = (
        (group, images_of(group[0].distribution), np.concatenate([columns(pair) for pair in group], axis=1))
        for group in groups
    )
    for group, sums in resampled_sums(stacked, resamples=resamples, seed=seed):
        yield group, np.asarray(sums.reshape(len(group), -1, 1 + resamples).swapaxes(0, 1) / group[0].n)


def names_of(group: Sequence[Paired]) -> dict[str, Any]:
    """The columns that say which networks a row is about."""
    first = group[0]
    return {
        "method": first.method,
        "prune_ratio": float(np.mean([pair.prune_ratio for pair in group])),
        "distribution": first.distribution,
        "models": [pair.key for pair in group],
        "seed_set": [pair.seed for pair in group],
        "asked": first.rung,
    }
