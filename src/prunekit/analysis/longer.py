"""The control of longer training: what the unpruned parent gains when it is trained as long again, unpruned.

Retraining with the whole schedule again trains a pruned network for longer than its parent was, and part of what
pruning seems to gain is that (Jin et al. 2022, arXiv 2210.13738). Against this control it has no such lead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prunekit.analysis.curves import Lineage, grouped
from prunekit.analysis.resample import estimate
from prunekit.analysis.rows import RATIO, Row, potentials, rise_columns, row

LONGER = "dense-longer"


def longer_errors(lineages: Sequence[Lineage]) -> list[Row]:
    """The control's error per distribution, mean over seeds, and its rise over its own parent's.

    Each lineage holds one network: the control, beside the parent that it was trained on from.
    """
    ordered = sorted(lineages, key=lambda lineage: lineage.seed)
    groups = grouped(ordered, lambda lineage: (lineage.method, lineage.distribution))
    return [_row(method, distribution, group) for (method, distribution), group in groups.items()]


def _row(method: str, distribution: str, group: Sequence[Lineage]) -> Row:
    n = group[0].n
    errors = np.stack([lineage.errors[:, 0] for lineage in group])
    parents = np.stack([lineage.parent for lineage in group])
    return row(
        "longer-error",
        estimate(errors, n=n, bounds=RATIO),
        unit="error",
        method=method,
        prune_ratio=0.0,
        distribution=distribution,
        models=[lineage.keys[0] for lineage in group],
        seed_set=[lineage.seed for lineage in group],
        **rise_columns(errors - parents, n),
    )


def longer_potentials(lineages: Sequence[Lineage], *, margin: float) -> list[Row]:
    """The prune potential per method and distribution with the control in the parent's place."""
    return [found | {"finding": "longer-potential"} for found in potentials(lineages, margin=margin)]
