"""Comparison of networks outside the store: the rows of ``compare`` from their outcomes. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from prunekit.analysis.comparison import Asked, comparisons
from prunekit.analysis.divergence import mean_divergence
from prunekit.analysis.outcome import Array
from prunekit.analysis.paired import Paired
from prunekit.analysis.parts import Groups
from prunekit.analysis.rows import Row
from prunekit.analysis.variant import Role, Variant
from prunekit.data.predictions.outcomes import Predictions, Scores, log_probabilities
from prunekit.errors import UsageError
from prunekit.studies.groups import called, files_of, grouped


class Evaluated(NamedTuple):
    """One network's results on each distribution: per-example arrays, their errors, and its classes if known.

    ``scores`` are its logits ``[n, classes]``, unless they are too many to keep.
    """

    outcomes: dict[str, dict[str, Array]]
    classes: tuple[str, ...]
    nonzero: int | None
    scores: dict[str, Array]

    @property
    def errors(self) -> dict[str, float]:
        """The share of wrong predictions, by distribution."""
        return {name: float(np.mean(arrays["rank"] > 0)) for name, arrays in self.outcomes.items()}

    def __repr__(self) -> str:
        return "\n".join(f"{name}  {error:.4g}" for name, error in self.errors.items())


def compare_in_memory(
    reference: Evaluated, own: Sequence[Evaluated], names: Sequence[str], groups: Path | None, asked: Asked
) -> list[Row]:
    """The rows of networks called ``names``, each compared with the parent; ``groups`` as for stored networks.

    :class:`UsageError`: networks measured on different examples, or a file of groups that matches none.
    """
    for each in own:
        _check_alike(each, reference)
    places = [
        (name, each, where) for name, each in zip(names, own, strict=True) for where in reference.outcomes
    ]
    pairs = [
        Paired(
            Variant(role=Role.COMPRESSED),
            0,
            _ratio(each, reference),
            name,
            "parent",
            where,
            each.outcomes[where],
            reference.outcomes[where],
        )
        for name, each, where in places
    ]
    found = {(name, where): _divergence(each, reference, where) for name, each, where in places}
    asked = asked._replace(
        groups=_groups(reference, groups),
        kl={place: value for place, value in found.items() if value is not None},
    )
    return comparisons(pairs, asked, classes=reference.classes)


def _groups(reference: Evaluated, file: Path | None) -> Groups:
    """The groups of the examples: images of a folder by file, all others by number."""

    def names(where: str) -> Sequence[str] | None:
        arrays = reference.outcomes[where]
        if "rank" not in arrays:
            return None
        count = len(arrays["rank"])
        return called(files_of(where, count) if reference.classes else (), count)

    return grouped({where: partial(names, where) for where in reference.outcomes}, file)


def _divergence(own: Evaluated, reference: Evaluated, where: str) -> float | None:
    """The mean divergence of a network's outputs from the parent's; None if outputs are not kept."""
    if where not in own.scores or where not in reference.scores:
        return None
    labels = reference.outcomes[where]["label"]
    logs = [
        log_probabilities(Predictions(labels, each.scores[where], Scores.LOGITS)) for each in (own, reference)
    ]
    return mean_divergence(*logs) if logs[0].shape == logs[1].shape else None


def _check_alike(own: Evaluated, reference: Evaluated) -> None:
    for name, arrays in reference.outcomes.items():
        if name not in own.outcomes:
            raise UsageError(f"one network was measured on {name}, another was not")
        if not np.array_equal(arrays["label"], own.outcomes[name]["label"]):
            raise UsageError(f"{name}: the networks were measured on other examples, or in another order")


def _ratio(own: Evaluated, reference: Evaluated) -> float:
    """The share of the parent's parameters that were removed; 0 if they cannot be counted."""
    if own.nonzero is None or not reference.nonzero:
        return 0.0
    return max(0.0, 1 - own.nonzero / reference.nonzero)
