"""Mean and minimum prune potential over sets of distributions.

All severities of one corruption weigh as one distribution. Distributions on which the parent is no better than guessing
are left out: every network counts as commensurate there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from prunekit.analysis.curves import ResampledCurve, Unit, grouped, seed_of, units_of
from prunekit.analysis.estimate import Estimate
from prunekit.analysis.flags import Flag
from prunekit.analysis.joint import Draws
from prunekit.analysis.outcome import Array
from prunekit.analysis.potential import MARGIN
from prunekit.analysis.potentials import Potential, of_new_networks, potential_notes, potentials_of
from prunekit.analysis.reach import Reach, between_ends
from prunekit.analysis.resample import estimate
from prunekit.analysis.rows import (
    RATIO,
    Row,
    at_chance,
    held_by_all,
    margin_columns,
    models_of,
    over_seeds,
    row,
)
from prunekit.analysis.shifts import Sets, weights_of
from prunekit.analysis.verdict import Margin, as_margin

ByDistribution = dict[str, Potential]


def _mean(draws: Array, weights: Array) -> Array:
    """Weighted mean over distributions of draws ``[distributions, ...]``."""
    return np.asarray(np.tensordot(weights, draws, axes=1))


def _smallest(draws: Array, weights: Array) -> Array:
    return np.asarray(draws.min(axis=0))


STATISTICS: dict[str, Callable[[Array, Array], Array]] = {"mean": _mean, "minimum": _smallest}


class Held(NamedTuple):
    """The distributions of a set that every unit was measured on, without those at chance level; their weights."""

    names: list[str]
    weights: Array
    flags: tuple[Flag, ...]


def held_of(units: Sequence[Unit], members: Sequence[str]) -> Held:
    """The distributions of a set that count; none if the parents only guess on all of it."""
    measured = held_by_all(units, members)
    names = [name for name in measured if not at_chance([unit[name] for unit in units])]
    weights, grouped_up = weights_of(names)
    found = {Flag.CHANCE_LEFT_OUT: len(names) < len(measured), Flag.SEVERITIES_GROUPED: grouped_up}
    return Held(names, weights, tuple(flag for flag, applies in found.items() if applies))


def potential_summary(
    curves: Sequence[ResampledCurve],
    sets: Sets,
    *,
    margin: Margin | float = MARGIN,
    known: Sequence[Potential] | None = None,
) -> list[Row]:
    """Mean and minimum potential over named sets of distributions, per network and then averaged over seeds.

    ``known`` are the potentials of these curves, if already computed.
    """
    allowed = as_margin(margin)
    found = potentials_of(curves, allowed) if known is None else known
    rows = []
    for variant, members in grouped(found, lambda each: each.group[0].variant).items():
        own = {each.group[0].distribution: each for each in members}
        units = units_of(curve for each in members for curve in each.group)
        for name, wanted in sets(variant).items():
            held = held_of(units, wanted)
            if held.names:
                rows += [_row(own, units, name, held, allowed, which) for which in STATISTICS]
    return rows


def _row(own: ByDistribution, units: list[Unit], name: str, held: Held, margin: Margin, which: str) -> Row:
    chosen = [own[each] for each in held.names]
    seeds = [seed_of(unit) for unit in units]
    draws = np.stack([each.draws for each in chosen])
    values = STATISTICS[which](draws, held.weights)
    found = estimate(
        values,
        n=min(each.found.n for each in chosen),
        seeds=seeds,
        bounds=RATIO,
        flags=(*held.flags, *_notes(chosen, draws, values, margin, which)),
    )
    return row(
        f"potential-{which}",
        _estimate(found, chosen, held, which),
        unit="prune ratio",
        variant=chosen[0].group[0].variant,
        distribution=name,
        models=models_of([unit[each] for unit in units for each in held.names]),
        seed_set=seeds,
        distributions=held.names,
        **margin_columns(margin),
        **over_seeds(values, seeds),
    ).drawn(joint_summary(chosen, held.weights, which))


def _notes(
    chosen: Sequence[Potential], draws: Array, values: Array, margin: Margin, which: str
) -> tuple[Flag, ...]:
    """The flags of the distributions that decide: for a minimum, of the smallest ones."""
    decides = draws[:, :, 0] <= values[:, 0] if which == "minimum" else np.ones(draws.shape[:2], dtype=bool)
    return potential_notes(
        [
            curve
            for each, does in zip(chosen, decides, strict=True)
            for curve, counts in zip(each.group, does, strict=True)
            if counts
        ],
        margin,
    )


def _estimate(found: Estimate, chosen: Sequence[Potential], held: Held, which: str) -> Estimate:
    """With several seeds, the interval of new networks; with one, lowered to what each distribution confirms."""
    drawn = joint_summary(chosen, held.weights, which, achieved=True)
    if drawn is None:
        return found
    if found.seeds > 1:
        return of_new_networks(found, drawn.least)
    if found.repetitions > 1:
        return found
    sure = np.array([each.found.low for each in chosen])
    return found._replace(low=min(found.low, float(STATISTICS[which](sure[:, None], held.weights)[0])))


def joint_summary(
    chosen: Sequence[Potential], weights: Array, which: str, *, achieved: bool = False
) -> Draws | None:
    """Joint draws of a mean or a minimum; None where a distribution has no pruned network."""
    reaches = [each.reach for each in chosen if each.reach]
    if len(reaches) < len(chosen):
        return None
    if which == "mean":
        each = [reach.expected(achieved=achieved) for reach in reaches]
        value = float(weights @ [draws.value for draws in each])
        least = _mean(np.stack([draws.least for draws in each]), weights)
        return Draws(value, least, _mean(np.stack([draws.most for draws in each]), weights), on_grid=True)
    rungs = sorted({rung for reach in reaches for rung in reach.rungs})
    at_least = np.prod([reach.on(rungs) for reach in reaches], axis=0).mean(axis=0)
    ratios = _ratios(reaches, rungs) if achieved else np.array(rungs)
    return between_ends(at_least, ratios, min(reach.value for reach in reaches))


def _ratios(reaches: Sequence[Reach], rungs: Sequence[float]) -> Array:
    """The achieved ratio of each rung, the mean over distributions that hold it."""
    found = []
    for rung in rungs:
        held = [reach.ratios[reach.rungs.index(rung)] for reach in reaches if rung in reach.rungs]
        found.append(float(np.mean(held)))
    return np.array(found)
