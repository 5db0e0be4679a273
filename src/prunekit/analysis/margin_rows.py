"""The prune potential as a function of the margin, as rows: one per step, with the interval of its position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prunekit.analysis.curves import ResampledCurve, distinct_at, seeds_of
from prunekit.analysis.estimate import unique
from prunekit.analysis.flags import Flag
from prunekit.analysis.margins import Step, potential_steps
from prunekit.analysis.rises import Rise, rises_of
from prunekit.analysis.rows import Row, curve_groups, row, rungs_in


def margin_steps(curves: Sequence[ResampledCurve]) -> list[Row]:
    """Every step of every potential: the margin, possibly negative, from which the potential is at least a ratio.

    A step is at the rise in error of the ratio that it leads to, and has that rise's interval. With several seeds it is
    the mean rise, so that the steps are those of the mean network's potential.
    """
    rises = rises_of(curves)
    rows: list[Row] = []
    for group in curve_groups(curves):
        rungs = rungs_in(group)
        known = [rises[group[0].variant, group[0].distribution, rung] for rung in rungs]
        steps = potential_steps(np.array(rungs), np.array([each.found.value for each in known]))
        ends = [*(step.margin for step in steps[1:]), None]
        rows += [_row(group, step, until, known[step.place]) for step, until in zip(steps, ends, strict=True)]
    return rows


def _row(group: Sequence[ResampledCurve], step: Step, until: float | None, rise: Rise) -> Row:
    held = distinct_at(group, step.ratio)
    several = (Flag.MEAN_RISE,) if len(set(seeds_of(held))) > 1 else ()
    return row(
        "potential-step",
        rise.found._replace(flags=unique([*rise.found.flags, *several])),
        unit="error",
        variant=held[0].variant,
        prune_ratio=float(np.mean([curve.at(step.ratio).prune_ratio for curve in held])),
        distribution=held[0].distribution,
        models=[curve.at(step.ratio).key for curve in held],
        seed_set=seeds_of(held),
        asked=step.ratio,
        until=until,
    )
