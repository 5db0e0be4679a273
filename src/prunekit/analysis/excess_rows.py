"""Excess errors as rows: the measured difference at every ratio, then the slope and how well the line fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from prunekit.analysis.curves import ResampledCurve, Unit, grouped, units_of
from prunekit.analysis.estimate import Estimate, plain
from prunekit.analysis.excess import Excess, excess_of, fit, line, moments_of, scale_of, slope_draws
from prunekit.analysis.flags import Flag
from prunekit.analysis.made_up import MadeUp
from prunekit.analysis.outcome import Array
from prunekit.analysis.resample import over_repetitions
from prunekit.analysis.rises import number_of
from prunekit.analysis.rows import Row, over_seeds, row
from prunekit.analysis.sampled import Pool, Sampled, estimates, joint_draws, pool
from prunekit.analysis.seeds import Prior
from prunekit.analysis.shifts import Set, Sets
from prunekit.analysis.significance import false_discovery
from prunekit.analysis.summary import Held, held_of
from prunekit.analysis.variant import Variant


class Excesses(NamedTuple):
    """The excess errors of one variant: of each of its units, with the distributions and the number of images."""

    variant: Variant
    units: list[Excess]
    held: Held
    base: Held
    n: int
    made_up: MadeUp

    @property
    def rungs(self) -> list[float]:
        """The ratios of the grid that any unit holds."""
        return sorted({rung for unit in self.units for rung in unit.rungs})

    @property
    def columns(self) -> dict[str, Any]:
        """The columns that all its rows share."""
        return {
            "variant": self.variant,
            "distribution": str(Set.SHIFTED),
            "distributions": self.held.names,
            "nominal_set": self.base.names,
        }

    def at(self, rung: float) -> list[Excess]:
        """The units that hold a ratio, one per network: repetitions may share their first rungs."""
        by_key = {unit.keys[unit.rungs.index(rung)]: unit for unit in self.units if rung in unit.rungs}
        return list(by_key.values())


def excess_errors(curves: Sequence[ResampledCurve], sets: Sets) -> list[Row]:
    """Difference in excess error per variant and ratio on the shifted distributions, and its slope.

    In a study with robust training, distributions seen in training count as nominal and the others as shifted. A
    variant that was measured on no nominal or no shifted distribution has no rows.
    """
    groups = grouped(curves, lambda curve: curve.variant).items()
    excesses = [each for variant, group in groups if (each := _excesses(variant, units_of(group), sets))]
    points = [(excess, rung) for excess in excesses for rung in excess.rungs]
    rows = [_point(excess, rung) for excess, rung in points]
    if not rows:
        return []
    learn = pool(rows)
    found = estimates(rows, learn=learn)
    at = [_point_row(excess, rung, each) for (excess, rung), each in zip(points, found, strict=True)]
    return at + _slope_rows(excesses, learn)


def _excesses(variant: Variant, units: list[Unit], sets: Sets) -> Excesses | None:
    found = sets(variant)
    names = (
        (Set.SEEN, Set.UNSEEN)
        if found.get(Set.SEEN) and found.get(Set.UNSEEN)
        else (Set.NOMINAL, Set.SHIFTED)
    )
    base, held = (held_of(units, found.get(name, ())) for name in names)
    if not base.names or not held.names:
        return None
    weights = [dict(zip(each.names, each.weights.tolist(), strict=True)) for each in (held, base)]
    first = units[0][base.names[0]]
    n = min(units[0][each].n for each in (*held.names, *base.names))
    return Excesses(
        variant, [excess_of(unit, *weights) for unit in units], held, base, n, first.parent_outcome.made_up[1]
    )


def _sampled(
    excess: Excesses, units: Sequence[Excess], weights: Sequence[Array], flags: tuple[Flag, ...]
) -> Sampled:
    seeds = [unit.seed for unit in units]
    return Sampled(
        moments_of(units, weights, excess.made_up),
        tuple(dict.fromkeys(seeds)),
        max(seeds.count(seed) for seed in seeds),
        scale_of(units, weights),
        flags=(*flags, *excess.held.flags),
    )


def _point(excess: Excesses, rung: float) -> Sampled:
    units = excess.at(rung)
    weights = [np.array([each == rung for each in unit.rungs], dtype=np.float64) for unit in units]
    return _sampled(excess, units, weights, _lacking(excess, rung))


def _lacking(excess: Excesses, rung: float) -> tuple[Flag, ...]:
    return () if all(rung in unit.rungs for unit in excess.units) else (Flag.SOME_SEEDS,)


def _point_row(excess: Excesses, rung: float, found: Estimate) -> Row:
    units = excess.at(rung)
    places = [unit.rungs.index(rung) for unit in units]
    draws = np.stack([unit.draws[:, place] for unit, place in zip(units, places, strict=True)])
    return row(
        "excess-error",
        found,
        unit="error",
        prune_ratio=float(np.mean([unit.ratios[place] for unit, place in zip(units, places, strict=True)])),
        models=[unit.keys[place] for unit, place in zip(units, places, strict=True)],
        seed_set=[unit.seed for unit in units],
        asked=rung,
        p_value=_p_value(found),
        **excess.columns,
    ).drawn(_drawn(found, draws, units, excess, rung))


def _drawn(found: Estimate, draws: Array, units: Sequence[Excess], excess: Excesses, what: object) -> Any:
    images = over_repetitions(draws, [unit.seed for unit in units]).mean(axis=0)
    return joint_draws(found, images, number_of("excess", excess.variant.id, what))


def _p_value(found: Estimate) -> float | None:
    return plain(float(found.student.p_value())) if found.student else None


def _slope_rows(excesses: Sequence[Excesses], learn: Pool) -> list[Row]:
    """The slopes; their variance between seeds is taken from the measured differences."""
    rows = [_slope(excess) for excess in excesses]
    degrees = np.full(len(rows), np.median(learn.prior.degrees))
    prior = Prior(learn.prior.tau2, degrees, np.zeros(len(rows), dtype=bool))
    found = estimates(rows, learn=pool(rows, prior=prior))
    made = [_slope_row(excess, each) for excess, each in zip(excesses, found, strict=True)]
    p_values = [np.nan if own["p_value"] is None else own["p_value"] for own in made]
    for own, adjusted in zip(made, false_discovery(p_values), strict=True):
        own["q_value"] = plain(float(adjusted))
    return made


def _slope(excess: Excesses) -> Sampled:
    weights = [line(unit, range(len(unit.rungs))) for unit in excess.units]
    return _sampled(excess, excess.units, weights, ())


def _slope_row(excess: Excesses, found: Estimate) -> Row:
    draws = np.stack([slope_draws(unit.ratios, unit.draws) for unit in excess.units])
    seeds = [unit.seed for unit in excess.units]
    ratios, measured = _mean_curve(excess)
    last = len(ratios) - 1
    return row(
        "excess-slope",
        found,
        unit="error per unit of prune ratio",
        models=[key for unit in excess.units for key in unit.keys],
        seed_set=seeds,
        p_value=_p_value(found),
        q_value=None,
        fit=_number(fit(ratios, measured)),
        without_last=_number(float(slope_draws(ratios[:last], measured[:last])) if last else None),
        per_seed=over_seeds(draws, seeds)["per_seed"],
        **excess.columns,
    ).drawn(_drawn(found, draws, excess.units, excess, "slope"))


def _mean_curve(excess: Excesses) -> tuple[Array, Array]:
    """The ratios that all units hold, and the mean difference over units at each."""
    rungs = [rung for rung in excess.rungs if all(rung in unit.rungs for unit in excess.units)]
    places = [[unit.rungs.index(rung) for rung in rungs] for unit in excess.units]
    each = list(zip(excess.units, places, strict=True))
    ratios = np.mean([unit.ratios[at] for unit, at in each], axis=0)
    return ratios, np.mean([unit.draws[0, at] for unit, at in each], axis=0)


def _number(value: float | None) -> float | None:
    return None if value is None else plain(value)
