"""Pruning-identified exemplars: images whose most frequent label differs between pruned and unpruned networks.

Hooker et al. 2019, "What Do Compressed Deep Neural Networks Forget?" (arXiv 1911.05248), with 30 networks per side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prunekit.analysis.estimate import Covers, Estimate, plain
from prunekit.analysis.flags import Flag
from prunekit.analysis.made_up import SHARE
from prunekit.analysis.outcome import Array
from prunekit.analysis.paired import Paired, across_seeds, names_of, seeds_of
from prunekit.analysis.rows import RATIO, Row, row
from prunekit.analysis.sampled import estimates, sampled

ENOUGH_NETWORKS = 30


def exemplars(pairs: Sequence[Paired], *, top_k: int = 1) -> list[Row]:
    """The share of exemplars per variant, prune ratio and distribution; a single network has none and is left out."""
    groups = [group for group in across_seeds(pairs) if len(group) > 1]
    shares = estimates([sampled(_found(group)[None], [0], made_up=SHARE, bounds=RATIO) for group in groups])
    return [_exemplar_row(group, found, top_k) for group, found in zip(groups, shares, strict=True)]


def _found(group: Sequence[Paired]) -> Array:
    return exemplars_of(_predicted(group, "own"), _predicted(group, "reference"))


def _predicted(group: Sequence[Paired], side: str) -> Array:
    return np.stack([getattr(pair, side)["predicted"] for pair in group])


def _exemplar_row(group: Sequence[Paired], share: Estimate, top_k: int) -> Row:
    found, seeds = _found(group), seeds_of(group)
    right = np.stack([pair.reference["rank"] < top_k for pair in group]).mean(axis=0)
    flags = (Flag.IMAGES_ONLY, *((Flag.FEW_NETWORKS,) if len(group) < ENOUGH_NETWORKS else ()))
    made = row(
        "exemplars",
        share._replace(
            seeds=len(set(seeds)), repetitions=max(seeds.count(seed) for seed in seeds), flags=flags
        ),
        unit="share of images",
        parent_accuracy=plain(right.mean()),
        parent_accuracy_on_exemplars=plain(right[found].mean()) if found.any() else None,
        taxicab=plain(taxicab(_predicted(group, "own"), _predicted(group, "reference")).mean()),
        **names_of(group),
    )
    made["covers"] = str(Covers.THESE)
    return made


def exemplars_of(pruned: Array, unpruned: Array) -> Array:
    """Which images ``[n]`` differ in most frequent label, from predicted classes ``[networks, n]`` of each side."""
    return np.asarray(most_frequent(pruned) != most_frequent(unpruned))


def most_frequent(predicted: Array) -> Array:
    """The most frequent class ``[n]`` of predictions ``[networks, n]``; ties go to the lowest class."""
    return np.asarray(_votes(predicted, int(predicted.max()) + 1).argmax(axis=1))


def taxicab(pruned: Array, unpruned: Array) -> Array:
    """l1 distance ``[n]`` of the two sides' label distributions, in [0, 2] (Hooker 2020, arXiv 2010.03058)."""
    classes = int(max(pruned.max(), unpruned.max())) + 1
    shares = [_votes(side, classes) / len(side) for side in (pruned, unpruned)]
    return np.asarray(np.abs(shares[0] - shares[1]).sum(axis=1))


def _votes(predicted: Array, classes: int) -> Array:
    """How many networks predict each class for each image, ``[n, classes]``."""
    n = predicted.shape[1]
    cells = predicted.astype(np.int64) + classes * np.arange(n)
    return np.bincount(cells.ravel(), minlength=n * classes).reshape(n, classes)
