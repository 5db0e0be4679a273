"""What pruning does to the recall and the loss of single classes, where the average may not move.

Recall shift and its tests: Hooker et al. 2019 (arXiv 1911.05248); excessive loss: Tran et al., NeurIPS 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from prunekit.analysis.estimate import plain
from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Array
from prunekit.analysis.paired import Arrays, Paired, across_seeds, names_of, resampled_means, seeds_of
from prunekit.analysis.resample import RESAMPLES, estimate, over_repetitions
from prunekit.analysis.rows import Row, row
from prunekit.analysis.significance import holm, welch


def classes_in(pair: Paired, names: Sequence[str] = ()) -> dict[int, str]:
    """The classes that have images, by label; those that ``names`` does not reach are called by their number."""
    labels = [int(label) for label in np.unique(pair.own["label"])]
    return {label: names[label] if label < len(names) else str(label) for label in labels}


def recall_shifts(
    pairs: Sequence[Paired], *, classes: Sequence[str] = (), resamples: int = RESAMPLES, seed: int = 0
) -> list[Row]:
    """Change in recall of every class against the unpruned parent, with Welch tests over seeds (Holm-corrected).

    The test asks whether a class moved otherwise than the accuracy did; ``classes`` names them in order of label.
    """
    rows: list[Row] = []
    for group, draws in _rises_by_class(pairs, _right, resamples=resamples, seed=seed):
        named = classes_in(group[0], classes)
        tests = welch(*(_relative_recalls(group, side, list(named)) for side in ("reference", "own")))
        flags = (Flag.NO_TEST,) if len(set(seeds_of(group))) < 2 else ()
        more = [
            {"p_value": plain(p), "p_holm": plain(adjusted)}
            for p, adjusted in zip(tests, holm(tests), strict=True)
        ]
        rows += _class_rows(
            "recall-shift", group, named, draws, "recall", more, bounds=(-1.0, 1.0), flags=flags
        )
    return rows


def excessive_losses(
    pairs: Sequence[Paired], *, classes: Sequence[str] = (), resamples: int = RESAMPLES, seed: int = 0
) -> list[Row]:
    """Rise in mean loss of every class against the unpruned parent, and the largest gap between two classes."""
    rows: list[Row] = []
    for group, draws in _rises_by_class(pairs, _loss, resamples=resamples, seed=seed):
        named = classes_in(group[0], classes)
        rows += _class_rows("excessive-loss", group, named, draws, "nats", [{}] * len(named))
        gap = draws.max(axis=0) - draws.min(axis=0)
        found = estimate(
            gap, n=group[0].n, seeds=seeds_of(group), bounds=(0.0, np.inf), flags=(Flag.LARGEST,)
        )
        rows.append(row("excessive-loss-gap", found, unit="nats", **names_of(group)))
    return rows


def _class_rows(
    finding: str,
    group: Sequence[Paired],
    named: dict[int, str],
    draws: Array,
    unit: str,
    more: Sequence[dict[str, Any]],
    **options: Any,
) -> list[Row]:
    """A row per class, from draws ``[classes, pairs, 1 + resamples]``."""
    counts = [int(np.count_nonzero(group[0].own["label"] == label)) for label in named]
    return [
        row(
            finding,
            estimate(own, n=n, seeds=seeds_of(group), **options),
            unit=unit,
            **names_of(group),
            **({"class": name} | extra),
        )
        for name, own, n, extra in zip(named.values(), draws, counts, more, strict=True)
    ]


def _right(arrays: Arrays) -> Array:
    return np.asarray(arrays["rank"] == 0, dtype=np.float64)


def _loss(arrays: Arrays) -> Array:
    return np.asarray(arrays["loss"], dtype=np.float64)


def _rises_by_class(
    pairs: Sequence[Paired], value: Callable[[Arrays], Array], *, resamples: int, seed: int
) -> Iterator[tuple[list[Paired], Array]]:
    """Rise of the mean of a per-image value within each class: draws ``[classes, pairs, 1 + resamples]``."""
    columns = partial(_class_columns, value=value)
    for group, means in resampled_means(across_seeds(pairs), columns, resamples=resamples, seed=seed):
        sums, counts = np.split(means, 2)
        yield group, np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def _class_columns(pair: Paired, *, value: Callable[[Arrays], Array]) -> Array:
    """Columns ``[n, 2 classes]``: the rise in the column of the image's class, then a one there."""
    belongs = np.asarray(pair.own["label"])[:, None] == np.unique(pair.own["label"])
    rise = value(pair.own) - value(pair.reference)
    return np.concatenate([rise[:, None] * belongs, belongs], axis=1)


def _relative_recalls(group: Sequence[Paired], side: str, labels: Sequence[int]) -> Array:
    """Recall of each class less the accuracy, ``[seeds, classes]``."""
    recalls = []
    for pair in group:
        right = _right(getattr(pair, side))
        recalls.append([right[pair.own["label"] == label].mean() - right.mean() for label in labels])
    return over_repetitions(np.array(recalls), seeds_of(group))
