"""The control of longer training: what the unpruned parent gains when it is trained as long again, unpruned.

Retraining with the whole schedule again trains a pruned network for longer than its parent was, and part of what
pruning seems to gain is that (Jin et al. 2022, arXiv 2210.13738). This control has the same advantage.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prunekit.analysis.curves import ResampledCurve, seeds_of
from prunekit.analysis.resample import estimate
from prunekit.analysis.rows import RATIO, Row, curve_groups, potentials, rise_columns, row
from prunekit.analysis.variant import Variant


def longer_errors(curves: Sequence[ResampledCurve]) -> list[Row]:
    """The control's error per variant and distribution, mean over seeds, and its rise over its own parent's.

    Each curve holds one network: the control, with the parent that it was trained on from.
    """
    return [_row(group) for group in curve_groups(curves)]


def _row(group: Sequence[ResampledCurve]) -> Row:
    n, seeds = group[0].n, seeds_of(group)
    errors = np.stack([curve.errors[:, 0] for curve in group])
    parents = np.stack([curve.parent for curve in group])
    return row(
        "longer-error",
        estimate(errors, n=n, seeds=seeds, bounds=RATIO),
        unit="error",
        variant=group[0].variant,
        prune_ratio=0.0,
        distribution=group[0].distribution,
        models=[curve.keys[0] for curve in group],
        seed_set=seeds,
        **rise_columns(errors - parents, n, seeds),
    )


def longer_potentials(curves: Sequence[ResampledCurve], *, control: Variant, margin: float) -> list[Row]:
    """The prune potential per variant and distribution with the control in the parent's place."""
    more = {"finding": "longer-potential", "control": control.id}
    return [found | more for found in potentials(curves, margin=margin)]
