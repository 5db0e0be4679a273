"""Robust training beside ordinary training: what it gains in prune potential on each distribution (PAPER 1.9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from prunekit.analysis.curves import Lineage, by_seed, grouped
from prunekit.analysis.estimate import plain, unique
from prunekit.analysis.outcome import Array
from prunekit.analysis.potential import MARGIN
from prunekit.analysis.resample import estimate
from prunekit.analysis.rows import BySeed, Row, held_by_all, lineage_potential, potential_notes, row, spread

ROBUST = "robust"


def is_robust(method: str) -> bool:
    """Whether a curve of this name is of robustly trained networks."""
    return ROBUST in method.split()


def without_robust(method: str) -> str:
    """The name of the curve that differs in robust training alone."""
    return " ".join(word for word in method.split() if word != ROBUST)


def robust_gains(
    lineages: Sequence[Lineage], sets: Mapping[str, Sequence[str]], *, margin: float = MARGIN
) -> list[Row]:
    """Potential of robustly trained networks less that of the others, per method, on each distribution and set.

    Images are paired, and seeds: those that both kinds of training have. A set's potential is its mean.
    """
    by_method = grouped(lineages, lambda lineage: lineage.method)
    return [
        each
        for method, own in by_method.items()
        if is_robust(method) and without_robust(method) in by_method
        for each in _gains(method, by_seed(own), by_seed(by_method[without_robust(method)]), sets, margin)
    ]


def _gains(
    method: str, own: BySeed, others: BySeed, sets: Mapping[str, Sequence[str]], margin: float
) -> Iterator[Row]:
    common = [seed for seed in own if seed in others]
    sides = [{seed: side[seed] for seed in common} for side in (own, others)]
    names = unique(name for seed in common for name in own[seed])
    for name, members in ({each: [each] for each in names} | {**sets}).items():
        held = [each for each in held_by_all(sides[0], members) if each in held_by_all(sides[1], members)]
        if common and held:
            yield _gain(without_robust(method), sides, name, held, margin)


def _gain(method: str, sides: Sequence[BySeed], name: str, held: list[str], margin: float) -> Row:
    robust, other = (_mean_draws(side, held, margin) for side in sides)
    chosen = [side[seed][each] for side in sides for seed in side for each in held]
    draws = robust - other
    return row(
        "robust-gain",
        estimate(
            draws, n=min(each.n for each in chosen), bounds=(-1.0, 1.0), flags=potential_notes(chosen, margin)
        ),
        unit="prune ratio",
        method=method,
        distribution=name,
        models=unique(key for lineage in chosen for key in lineage.keys),
        seed_set=list(sides[0]),
        distributions=held,
        margin=margin,
        robust=plain(robust[:, 0].mean()),
        other=plain(other[:, 0].mean()),
        per_seed=[plain(value) for value in draws[:, 0]],
        sd=spread(draws),
    )


def _mean_draws(side: BySeed, held: Sequence[str], margin: float) -> Array:
    """Mean potential over distributions, ``[seeds, 1 + resamples]``."""
    return np.stack(
        [
            np.mean([lineage_potential(lineages[name], margin) for name in held], axis=0)
            for lineages in side.values()
        ]
    )
