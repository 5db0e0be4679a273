"""Prune potentials as rows: per variant and distribution, each network against its own parent, mean over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from prunekit.analysis.curves import ResampledCurve, seeds_of
from prunekit.analysis.estimate import Estimate, unique
from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Array
from prunekit.analysis.potential import (
    ENOUGH_SEEDS,
    MARGIN,
    TOLERANCE,
    interpolated_draws,
    potential_draws,
    potential_flags,
)
from prunekit.analysis.reach import LOWER, UPPER, Reach, limit_of, reach_of
from prunekit.analysis.resample import estimate
from prunekit.analysis.rises import Place, Rise, rises_of
from prunekit.analysis.rows import (
    RATIO,
    Row,
    chance_flags,
    curve_groups,
    margin_columns,
    models_of,
    over_seeds,
    row,
)
from prunekit.analysis.verdict import Margin, as_margin

BELOW = (
    "; the lower limit is the largest tested ratio whose rise is within the margin with 95 % "
    "confidence, and covers 95 % or more"
)
NEW_NETWORKS = (
    "95 %, potential to expect from new networks: {} paired resamples of images, {} seeds, moderated"
)


class Potential(NamedTuple):
    """The potential of one variant on one distribution: its curves, its estimate, its draws and its reach."""

    group: list[ResampledCurve]
    found: Estimate
    draws: Array
    reach: Reach | None


def potentials(
    curves: Sequence[ResampledCurve],
    *,
    margin: Margin | float = MARGIN,
    interpolate: bool = False,
    known: Sequence[Potential] | None = None,
) -> list[Row]:
    """The prune potential per variant and distribution, each network against its own parent, mean over seeds.

    ``interpolate`` changes values and intervals, but not the draws that claims use: these stay on the grid. ``known``
    are the potentials of these curves without interpolation, if already computed.
    """
    allowed = as_margin(margin)
    if interpolate or known is None:
        known = potentials_of(curves, allowed, interpolate=interpolate)
    return [potential_row(found, allowed, interpolate) for found in known]


def potentials_of(
    curves: Sequence[ResampledCurve], margin: Margin, *, interpolate: bool = False
) -> list[Potential]:
    """The potential of every variant on every distribution; their rises are judged together."""
    rises = rises_of(curves)
    return [_potential(group, rises, margin, interpolate) for group in curve_groups(curves)]


def _potential(
    group: list[ResampledCurve], rises: Mapping[Place, Rise], margin: Margin, interpolate: bool
) -> Potential:
    draws = np.stack([curve_potential(curve, margin, interpolate) for curve in group])
    reach = reach_of(group, rises, margin)
    flags = (*potential_notes(group, margin), *chance_flags(group))
    found = estimate(draws, n=group[0].n, seeds=seeds_of(group), bounds=RATIO, flags=flags)
    if reach is None or interpolate:
        return Potential(group, found, draws, reach)
    if reach.several:
        return Potential(group, of_new_networks(found, reach.expected(achieved=True).least), draws, reach)
    if len(group) == 1:
        low = min(found.low, confirmed_ratio(group[0], rises, margin))
        found = found._replace(low=low, interval=f"{found.interval}{BELOW}")
    return Potential(group, found, draws, reach)


def of_new_networks(found: Estimate, draws: Array) -> Estimate:
    """The estimate with the interval of the potential expected of new networks, from its draws."""
    low, high = np.quantile(draws, LOWER, method="lower"), np.quantile(draws, UPPER, method="higher")
    made = NEW_NETWORKS.format(len(draws), found.seeds)
    flags = unique([*found.flags, Flag.EXPECTED])
    return found._replace(
        low=min(float(low), found.value), high=max(float(high), found.value), interval=made, flags=flags
    )


def confirmed_ratio(curve: ResampledCurve, rises: Mapping[Place, Rise], margin: Margin) -> float:
    """The largest ratio of a network at which the upper limit of its rise is within the margin; else 0.

    The potential itself is the best of many ratios and therefore optimistic: on a fine grid its resamples alone cover
    90 % (docs/statistics.md).
    """
    limits = [margin.of(float(curve.base(rung).errors[0])) + TOLERANCE for rung in curve.rungs]
    upper = [rises[curve.variant, curve.distribution, rung].found.these for rung in curve.rungs]
    sure = [
        ratio
        for ratio, ends, limit in zip(curve.ratios, upper, limits, strict=True)
        if ends and ends[1] <= limit
    ]
    return float(max(sure, default=0.0))


def potential_row(found: Potential, margin: Margin, interpolate: bool) -> Row:
    """The row of one potential."""
    group = found.group
    return row(
        "potential",
        found.found,
        unit="prune ratio",
        variant=group[0].variant,
        distribution=group[0].distribution,
        models=models_of(group),
        seed_set=seeds_of(group),
        **margin_columns(margin),
        interpolated=interpolate,
        **over_seeds(found.draws, seeds_of(group)),
    ).drawn(found.reach.expected() if found.reach else None)


def curve_potential(curve: ResampledCurve, margin: Margin | float, interpolate: bool = False) -> Array:
    """The potential of one curve for the sample and each resample, ``[1 + resamples]``."""
    if not curve.keys:
        return np.zeros(len(curve.parent))
    limit = limit_of(curve, as_margin(margin))
    if interpolate:
        return interpolated_draws(curve.ratios, curve.errors, limit[:, 0], margin=0.0)
    return potential_draws(curve.ratios, curve.errors, limit, margin=0.0)


def potential_notes(curves: Sequence[ResampledCurve], margin: Margin) -> tuple[Flag, ...]:
    """The cautions about the potentials of these curves."""
    flags = [
        flag
        for each in curves
        for flag in potential_flags(each.ratios, each.errors[0], limit_of(each, margin)[0], margin=0.0)
    ]
    few = 1 < len(set(seeds_of(curves))) < ENOUGH_SEEDS
    lacking = len({each.rungs for each in curves}) > 1
    more = {Flag.FEW_SEEDS: few, Flag.SOME_SEEDS: lacking}
    return unique([*flags, *(flag for flag, applies in more.items() if applies)])
