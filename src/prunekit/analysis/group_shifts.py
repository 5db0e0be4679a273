"""What pruning does to groups of images that the user names: a camera, a hospital, an age, even at an equal average.

Accuracy of groups, and of the worst group: Sagawa et al., ICLR 2020 (arXiv 1911.08731).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from prunekit.analysis.classes import ByPart, Shift, shifts
from prunekit.analysis.curves import grouped
from prunekit.analysis.estimate import plain
from prunekit.analysis.paired import Paired, across_seeds, seeds_of
from prunekit.analysis.parts import Groups, Part, group_parts, mean_recall
from prunekit.analysis.potential import MARGIN
from prunekit.analysis.resample import over_repetitions
from prunekit.analysis.rows import Row
from prunekit.analysis.verdict import Margin, as_margin


def group_shifts(
    pairs: Sequence[Paired], groups: Groups, *, margin: Margin | float = MARGIN, top_k: int = 1
) -> list[Row]:
    """Change in accuracy of every group from the unpruned parent, with its verdict and tests.

    Tests and corrections are those of classes (:func:`prunekit.analysis.classes.recall_shifts`), over the groups of one
    grouping. Each row also has the group's error, churn and recall, and whether it loses most.
    """
    sets = list(_by_grouping(pairs, groups))
    asked = Shift("group-shift", "accuracy", as_margin(margin), top_k)
    rows = shifts([ByPart.of(group, parts) for group, parts in sets], asked)
    found = iter(rows)
    for group, parts in sets:
        own = [next(found) for _ in parts]
        worst = min(own, key=lambda each: float(each["value"]))
        for row, part in zip(own, parts, strict=True):
            row.update(_columns(group, part, top_k), worst=row is worst)
    return rows


def _by_grouping(pairs: Sequence[Paired], groups: Groups) -> Iterator[tuple[list[Paired], list[Part]]]:
    for group in across_seeds(pairs):
        for parts in grouped(group_parts(group[0], groups), lambda part: part.grouping).values():
            yield group, parts


def _columns(group: Sequence[Paired], part: Part, top_k: int) -> dict[str, Any]:
    """Error, churn and recall on the images of a group, mean over seeds."""
    values = np.array([_of_pair(pair, part, top_k) for pair in group])
    means = over_repetitions(values, seeds_of(group)).mean(axis=0)
    names = ("error", "parent_error", "churn", "recall", "parent_recall")
    return {name: plain(float(value)) for name, value in zip(names, means, strict=True)}


def _of_pair(pair: Paired, part: Part, top_k: int) -> list[float]:
    own, reference = (
        {name: arrays[name][part.images] for name in _READ} for arrays in (pair.own, pair.reference)
    )
    wrong, was_wrong = (arrays["rank"] >= top_k for arrays in (own, reference))
    return [
        float(wrong.mean()),
        float(was_wrong.mean()),
        float((own["predicted"] != reference["predicted"]).mean()),
        mean_recall(wrong, own["label"]),
        mean_recall(was_wrong, own["label"]),
    ]


_READ = ("rank", "predicted", "label")
