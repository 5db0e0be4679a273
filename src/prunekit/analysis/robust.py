"""Robust against ordinary training: what it gains in prune potential on each distribution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from prunekit.analysis.curves import ResampledCurve, Unit, grouped, seed_of, units_of
from prunekit.analysis.estimate import plain, unique
from prunekit.analysis.joint import Draws, drawn_interval
from prunekit.analysis.joint import known as known_draws
from prunekit.analysis.outcome import Array
from prunekit.analysis.potential import MARGIN
from prunekit.analysis.potentials import Potential, curve_potential, potential_notes, potentials_of
from prunekit.analysis.resample import estimate, over_repetitions
from prunekit.analysis.rows import Row, held_by_all, margin_columns, over_seeds, row
from prunekit.analysis.shifts import Sets
from prunekit.analysis.summary import Held, held_of, joint_summary
from prunekit.analysis.variant import Variant
from prunekit.analysis.verdict import Margin, as_margin

Known = Mapping[tuple[Variant, str], Potential]


def ordinary(variant: Variant) -> Variant:
    """The variant that differs from this one only in having no robust training."""
    return variant._replace(train_distribution=None)


def robust_gains(
    curves: Sequence[ResampledCurve], sets: Sets, *, margin: Margin | float = MARGIN
) -> list[Row]:
    """Potential of robustly trained networks minus that of the others, on each distribution and set.

    Images and seeds are paired; only seeds that both kinds of training have count. A set's potential is its mean.
    """
    allowed, by_variant = as_margin(margin), grouped(curves, lambda curve: curve.variant)
    return [
        each
        for variant, own in by_variant.items()
        if variant.train_distribution and (others := by_variant.get(ordinary(variant)))
        for each in _gains(units_of(own), units_of(others), sets(variant), allowed)
    ]


def _gains(
    own: list[Unit], others: list[Unit], sets: Mapping[str, Sequence[str]], margin: Margin
) -> Iterator[Row]:
    seeds = {seed_of(unit) for unit in own} & {seed_of(unit) for unit in others}
    sides = [[unit for unit in side if seed_of(unit) in seeds] for side in (own, others)]
    if not seeds:
        return
    every = [curve for side in sides for unit in side for curve in unit.values()]
    known = {
        (each.group[0].variant, each.group[0].distribution): each for each in potentials_of(every, margin)
    }
    both = [name for name in sides[0][0] if held_by_all([*sides[0], *sides[1]], [name])]
    for name, members in {**{name: [name] for name in both}, **sets}.items():
        measured = [each for each in members if each in both]
        held = Held(measured, np.ones(1), ()) if name in both else held_of([*sides[0], *sides[1]], measured)
        if held.names:
            yield _gain(sides, name, held, margin, known)


def _gain(sides: Sequence[list[Unit]], name: str, held: Held, margin: Margin, known: Known) -> Row:
    robust, other = (_mean_draws(side, held, margin) for side in sides)
    chosen = [unit[each] for side in sides for unit in side for each in held.names]
    seeds, draws = sorted({seed_of(unit) for unit in sides[0]}), robust - other
    found = estimate(
        draws,
        n=min(each.n for each in chosen),
        bounds=(-1.0, 1.0),
        flags=(*held.flags, *potential_notes(chosen, margin)),
    )
    variants = [side[0][held.names[0]].variant for side in sides]
    joint = _joint(variants, held, known)
    low, high = (joint or known_draws(draws.mean(axis=0))).ends()
    found = found._replace(low=low, high=high, interval=drawn_interval(draws.shape[1] - 1, len(draws)))
    return row(
        "robust-gain",
        found.averaging(max(max(Counter(map(seed_of, side)).values()) for side in sides)),
        unit="prune ratio",
        variant=variants[0],
        distribution=name,
        models=unique(key for curve in chosen for key in curve.keys),
        seed_set=seeds,
        control=variants[1].id,
        distributions=held.names,
        **margin_columns(margin),
        robust=plain(robust[:, 0].mean()),
        other=plain(other[:, 0].mean()),
        **over_seeds(draws, seeds),
    ).drawn(joint)


def _joint(variants: Sequence[Variant], held: Held, known: Known) -> Draws | None:
    own, other = (
        joint_summary([known[variant, name] for name in held.names], held.weights, "mean")
        for variant in variants
    )
    return own.less(other) if own and other else None


def _mean_draws(side: Sequence[Unit], held: Held, margin: Margin) -> Array:
    """Mean potential over distributions, ``[seeds, 1 + resamples]``, by rising seed."""
    each = [
        np.tensordot(
            held.weights, np.stack([curve_potential(unit[name], margin) for name in held.names]), axes=1
        )
        for unit in side
    ]
    return over_repetitions(np.stack(each), [seed_of(unit) for unit in side])
