"""The control of longer training: what the unpruned parent gains when it is trained as long again, unpruned.

Retraining with the whole schedule again trains a pruned network for longer than its parent was, and part of what
pruning seems to gain is that (Jin et al. 2022, arXiv 2210.13738). This control has the same advantage.
"""

from __future__ import annotations

from collections.abc import Sequence

from prunekit.analysis.curve_rows import error_of
from prunekit.analysis.curves import ResampledCurve, seeds_of
from prunekit.analysis.potentials import potentials
from prunekit.analysis.rises import rises_of
from prunekit.analysis.rows import Row, curve_groups, rise_columns, row
from prunekit.analysis.sampled import estimates
from prunekit.analysis.variant import Variant
from prunekit.analysis.verdict import Margin

PLACE = 1.0


def longer_errors(curves: Sequence[ResampledCurve]) -> list[Row]:
    """The control's error per variant and distribution, mean over seeds, and its rise over its own parent's.

    Each curve holds one network: the control, with the parent that it was trained on from.
    """
    # Ratio 0 is the parent's place on a curve; the control, unpruned as well, stands at another one here.
    curves = [curve._replace(rungs=(PLACE,)) for curve in curves if curve.keys]
    groups, rises = curve_groups(curves), rises_of(curves)
    found = estimates([error_of(group, PLACE) for group in groups])
    return [
        row(
            "longer-error",
            each,
            unit="error",
            variant=group[0].variant,
            prune_ratio=0.0,
            distribution=group[0].distribution,
            models=[curve.keys[0] for curve in group],
            seed_set=seeds_of(group),
            **rise_columns(rises[group[0].variant, group[0].distribution, PLACE].found),
        )
        for group, each in zip(groups, found, strict=True)
    ]


def longer_potentials(
    curves: Sequence[ResampledCurve], *, control: Variant, margin: Margin | float
) -> list[Row]:
    """The prune potential per variant and distribution with the control in the parent's place."""
    found = potentials(curves, margin=margin)
    for own in found:
        own.update(finding="longer-potential", control=control.id)
    return found
