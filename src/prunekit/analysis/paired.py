"""A network's stored outcomes and those of the network that it is compared with, image by image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from prunekit.analysis.curves import grouped, images_of, rung_of
from prunekit.analysis.outcome import Array
from prunekit.analysis.resample import resampled_sums
from prunekit.analysis.variant import Variant
from prunekit.errors import UsageError
from prunekit.tasks import DEFAULT

Arrays = Mapping[str, Array]


class Paired(NamedTuple):
    """One network and the one it is compared with, usually its unpruned parent: per-example arrays as stored.

    ``own`` and ``reference`` hold ``predicted``, ``label``, ``rank``, ``loss`` and ``confidence``, ``[n]`` each
    (``brier`` where stored). ``asked`` is the grid's ratio.
    """

    variant: Variant
    seed: int
    prune_ratio: float
    key: str
    parent: str
    distribution: str
    own: Arrays
    reference: Arrays
    asked: float | None = None
    repetition: int = 0
    task: str = DEFAULT

    @property
    def rung(self) -> float:
        """Its place on the grid."""
        return rung_of(self.prune_ratio, self.asked)

    @property
    def n(self) -> int:
        """How many images."""
        return len(self.own["label"])


def across_seeds(pairs: Iterable[Paired]) -> list[list[Paired]]:
    """The pairs grouped so that they differ only in seeds, by rising seed; UsageError if test sets are mixed."""
    distinct = {(pair.variant, pair.distribution, pair.key, pair.parent): pair for pair in pairs}
    ordered = sorted(distinct.values(), key=lambda pair: (pair.seed, pair.repetition))
    groups = list(grouped(ordered, lambda pair: (pair.variant, pair.distribution, pair.rung)).values())
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
    groups: Iterable[list[Paired]],
    columns: Callable[[Sequence[Paired]], Sequence[Array]],
    *,
    resamples: int,
    seed: int,
    exact: bool = True,
) -> Iterator[tuple[list[Paired], Array]]:
    """Each group with means ``[k, pairs, 1 + resamples]`` over images of ``columns``, which are ``[n, k]`` per pair."""
    stacked = (
        (group, images_of(group[0].distribution), np.concatenate(columns(group), axis=1)) for group in groups
    )
    for group, sums in resampled_sums(stacked, resamples=resamples, seed=seed, exact=exact):
        yield group, np.asarray(sums.reshape(len(group), -1, 1 + resamples).swapaxes(0, 1) / group[0].n)


def values_of(group: Sequence[Paired], value: Callable[[Paired], Array]) -> Array:
    """``value`` of every image, ``[pairs, n]``."""
    return np.stack([np.asarray(value(pair), dtype=np.float64) for pair in group])


def seeds_of(group: Sequence[Paired]) -> list[int]:
    """The seed of every pair."""
    return [pair.seed for pair in group]


def names_of(group: Sequence[Paired]) -> dict[str, Any]:
    """The columns that identify the networks of a row."""
    first = group[0]
    return {
        "variant": first.variant,
        "prune_ratio": float(np.mean([pair.prune_ratio for pair in group])),
        "distribution": first.distribution,
        "models": [pair.key for pair in group],
        "seed_set": seeds_of(group),
        "asked": first.rung,
    }
