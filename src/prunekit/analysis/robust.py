"""Robust training beside ordinary training: what it gains in prune potential on each distribution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from prunekit.analysis.curves import ResampledCurve, Unit, grouped, seed_of, units_of
from prunekit.analysis.estimate import plain, unique
from prunekit.analysis.outcome import Array
from prunekit.analysis.potential import MARGIN
from prunekit.analysis.resample import estimate, over_repetitions
from prunekit.analysis.rows import Row, curve_potential, held_by_all, over_seeds, potential_notes, row
from prunekit.analysis.shifts import Sets
from prunekit.analysis.variant import Variant


def ordinary(variant: Variant) -> Variant:
    """The variant that differs from this one in robust training alone."""
    return variant._replace(train_distribution=None)


def robust_gains(curves: Sequence[ResampledCurve], sets: Sets, *, margin: float = MARGIN) -> list[Row]:
    """Potential of robustly trained networks less that of the others, on each distribution and set.

    Images are paired, and seeds: those that both kinds of training have. A set's potential is its mean.
    """
    by_variant = grouped(curves, lambda curve: curve.variant)
    return [
        each
        for variant, own in by_variant.items()
        if variant.train_distribution and (others := by_variant.get(ordinary(variant)))
        for each in _gains(units_of(own), units_of(others), sets(variant), margin)
    ]


def _gains(
    own: list[Unit], others: list[Unit], sets: Mapping[str, Sequence[str]], margin: float
) -> Iterator[Row]:
    seeds = {seed_of(unit) for unit in own} & {seed_of(unit) for unit in others}
    sides = [[unit for unit in side if seed_of(unit) in seeds] for side in (own, others)]
    if not seeds:
        return
    both = [name for name in sides[0][0] if held_by_all([*sides[0], *sides[1]], [name])]
    for name, members in {**{name: [name] for name in both}, **sets}.items():
        held = [each for each in members if each in both]
        if held:
            yield _gain(sides, name, held, margin)


def _gain(sides: Sequence[list[Unit]], name: str, held: list[str], margin: float) -> Row:
    robust, other = (_mean_draws(side, held, margin) for side in sides)
    chosen = [unit[each] for side in sides for unit in side for each in held]
    seeds, draws = sorted({seed_of(unit) for unit in sides[0]}), robust - other
    found = estimate(
        draws, n=min(each.n for each in chosen), bounds=(-1.0, 1.0), flags=potential_notes(chosen, margin)
    )
    return row(
        "robust-gain",
        found.averaging(max(max(Counter(map(seed_of, side)).values()) for side in sides)),
        unit="prune ratio",
        variant=sides[0][0][held[0]].variant,
        distribution=name,
        models=unique(key for curve in chosen for key in curve.keys),
        seed_set=seeds,
        control=sides[1][0][held[0]].variant.id,
        distributions=held,
        margin=margin,
        robust=plain(robust[:, 0].mean()),
        other=plain(other[:, 0].mean()),
        **over_seeds(draws, seeds),
    )


def _mean_draws(side: Sequence[Unit], held: Sequence[str], margin: float) -> Array:
    """Mean potential over distributions, ``[seeds, 1 + resamples]``, seeds rising."""
    each = [np.mean([curve_potential(unit[name], margin) for name in held], axis=0) for unit in side]
    return over_repetitions(np.stack(each), [seed_of(unit) for unit in side])
