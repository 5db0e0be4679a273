"""Findings on errors as long rows: prune curves, potentials, their summaries, excess errors and their slopes.

Every function takes the curves that :func:`prunekit.analysis.curves.resample` gives, so that one bootstrap serves
all findings and any margin, and returns plain dictionaries of JSON values (``schema.py`` describes them).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from prunekit.analysis.curves import (
    ResampledCurve,
    Unit,
    distinct_at,
    grouped,
    seed_of,
    seeds_of,
    units_of,
)
from prunekit.analysis.estimate import Estimate, plain, unique
from prunekit.analysis.excess import Excess, excess_of
from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Array
from prunekit.analysis.potential import (
    ENOUGH_SEEDS,
    MARGIN,
    TOLERANCE,
    check_margin,
    confirmed_ratio,
    interpolated_draws,
    potential_draws,
    potential_flags,
)
from prunekit.analysis.resample import estimate, over_repetitions, p_value
from prunekit.analysis.shifts import Set, Sets, nominal_of
from prunekit.analysis.variant import Role, Variant

Row = dict[str, Any]

RATIO = (0.0, 1.0)
STATISTICS: dict[str, Callable[..., Array]] = {"mean": np.mean, "minimum": np.min}
BELOW = (
    "; lower end: the largest ratio whose own rise is surely within the margin; bound to the tested ratios, it covers "
    "95 % or more"
)


def row(
    finding: str,
    found: Estimate,
    *,
    unit: str,
    variant: Variant,
    role: Role | None = None,
    prune_ratio: float | None = None,
    distribution: str | None = None,
    models: Sequence[str] = (),
    seed_set: Sequence[int] = (),
    **more: Any,
) -> Row:
    """One long row: the columns that every finding has, then its own.

    ``role`` is that of the row's networks where it is not the variant's: the unpruned parent of a curve.
    """
    members = more.get("distributions") or ([] if distribution is None else [distribution])
    return {
        "finding": finding,
        **variant.columns(),
        **({} if role is None else {"role": str(role)}),
        "prune_ratio": None if prune_ratio is None else plain(prune_ratio),
        "distribution": distribution,
        "nominal": nominal_of(members, variant.dataset),
        "models": list(unique(models)),
        **found.as_row(),
        "seed_set": list(dict.fromkeys(seed_set)),
        "unit": unit,
        **more,
    }


def role_at(rung: float) -> Role | None:
    """The role of the networks at a ratio of the grid: at 0 stands the unpruned parent."""
    return None if rung else Role.PARENT


def prune_curves(curves: Sequence[ResampledCurve], *, margin: float = MARGIN) -> list[Row]:
    """Error against prune ratio per variant and distribution, the unpruned parent at ratio 0 included."""
    check_margin(margin)
    return [
        _curve_row(group, rung, margin) for group in curve_groups(curves) for rung in (0.0, *_rungs(group))
    ]


def _curve_row(group: list[ResampledCurve], rung: float, margin: float) -> Row:
    held = distinct_at(group, rung)
    models = [curve.at(rung) for curve in held]
    rises = np.stack([model.errors - curve.parent for model, curve in zip(models, held, strict=True)])
    seeds, n = seeds_of(held), held[0].n
    flags = () if all(curve.has(rung) for curve in group) else (Flag.SOME_SEEDS,)
    errors = np.stack([model.errors for model in models])
    return row(
        "prune-curve",
        estimate(errors, n=n, seeds=seeds, bounds=RATIO, flags=flags),
        unit="error",
        variant=held[0].variant,
        role=role_at(rung),
        prune_ratio=float(np.mean([model.prune_ratio for model in models])),
        distribution=held[0].distribution,
        models=[model.key for model in models],
        seed_set=seeds,
        asked=rung,
        **rise_columns(rises, n, seeds),
        commensurate=bool(over_repetitions(rises, seeds)[:, 0].mean() <= margin + TOLERANCE),
        margin=margin,
    )


def rise_columns(rises: Array, n: int, seeds: Sequence[int]) -> dict[str, Any]:
    """The columns that say how much higher an error is than another, from draws ``[networks, 1 + resamples]``."""
    rise = estimate(rises, n=n, seeds=seeds, bounds=(-1.0, 1.0)).as_row()
    return {"rise": rise["value"], "rise_low": rise["low"], "rise_high": rise["high"]}


def potentials(
    curves: Sequence[ResampledCurve], *, margin: float = MARGIN, interpolate: bool = False
) -> list[Row]:
    """The prune potential per variant and distribution, each network against its own parent, mean over seeds."""
    return [_potential_row(group, margin, interpolate) for group in curve_groups(curves)]


def _potential_row(group: list[ResampledCurve], margin: float, interpolate: bool) -> Row:
    draws = np.stack([curve_potential(curve, margin, interpolate) for curve in group])
    return row(
        "potential",
        potential_estimate(group, draws, margin),
        unit="prune ratio",
        variant=group[0].variant,
        distribution=group[0].distribution,
        models=_models(group),
        seed_set=seeds_of(group),
        margin=margin,
        interpolated=interpolate,
        **over_seeds(draws, seeds_of(group)),
    )


def over_seeds(draws: Array, seeds: Sequence[int]) -> dict[str, Any]:
    """The columns that hold the value of each seed and their standard deviation (None for one seed)."""
    values = over_repetitions(draws, seeds)[:, 0]
    spread = plain(values.std(ddof=1)) if len(values) > 1 else None
    return {"per_seed": [plain(value) for value in values], "sd": spread}


def potential_summary(curves: Sequence[ResampledCurve], sets: Sets, *, margin: float = MARGIN) -> list[Row]:
    """Mean and minimum potential over named sets of distributions, per network and then averaged over seeds."""
    rows = []
    for variant, group in grouped(curves, lambda curve: curve.variant).items():
        units = units_of(group)
        for name, members in sets(variant).items():
            held = held_by_all(units, members)
            if held:
                rows += [_summary_row(units, name, held, margin, which) for which in STATISTICS]
    return rows


def _summary_row(units: list[Unit], name: str, held: list[str], margin: float, which: str) -> Row:
    chosen = [unit[distribution] for unit in units for distribution in held]
    seeds = [seed_of(unit) for unit in units]
    draws = np.stack([curve_potential(curve, margin) for curve in chosen])
    values = STATISTICS[which](draws.reshape(len(units), len(held), -1), axis=1)
    decide = draws[:, 0] <= values[:, 0].repeat(len(held)) if which == "minimum" else [True] * len(chosen)
    flags = potential_notes([curve for curve, does in zip(chosen, decide, strict=True) if does], margin)
    return row(
        f"potential-{which}",
        estimate(values, n=min(curve.n for curve in chosen), seeds=seeds, bounds=RATIO, flags=flags),
        unit="prune ratio",
        variant=chosen[0].variant,
        distribution=name,
        models=_models(chosen),
        seed_set=seeds,
        distributions=held,
        margin=margin,
        **over_seeds(values, seeds),
    )


def excess_errors(curves: Sequence[ResampledCurve], sets: Sets) -> list[Row]:
    """Difference in excess error per variant and ratio on the shifted distributions, and its slope.

    A variant that was measured on no nominal or no shifted distribution has none.
    """
    rows = []
    for variant, group in grouped(curves, lambda curve: curve.variant).items():
        units, found = units_of(group), sets(variant)
        base = held_by_all(units, found.get(Set.NOMINAL, ()))
        held = held_by_all(units, found.get(Set.SHIFTED, ()))
        if base and held:
            rows += _excess_rows(variant, units, held, base)
    return rows


def _excess_rows(variant: Variant, units: list[Unit], held: list[str], base: list[str]) -> list[Row]:
    found = [
        excess_of(seed_of(unit), [unit[each] for each in held], [unit[each] for each in base])
        for unit in units
    ]
    n = min(units[0][each].n for each in (*held, *base))
    common = {
        "variant": variant,
        "distribution": str(Set.SHIFTED),
        "distributions": held,
        "nominal_set": base,
    }
    rungs = sorted({rung for excess in found for rung in excess.rungs})
    rows = [_excess_row(found, rung, n, common) for rung in rungs]
    return [*rows, _slope_row(found, n, common)] if rows else []


def _excess_row(found: list[Excess], rung: float, n: int, common: Row) -> Row:
    places = {excess.keys[excess.rungs.index(rung)]: excess for excess in found if rung in excess.rungs}
    at = [(excess, excess.rungs.index(rung)) for excess in places.values()]
    seeds = [excess.seed for excess, _ in at]
    flags = () if all(rung in excess.rungs for excess in found) else (Flag.SOME_SEEDS,)
    draws = np.stack([excess.draws[:, index] for excess, index in at])
    return row(
        "excess-error",
        estimate(draws, n=n, seeds=seeds, flags=flags),
        unit="error",
        prune_ratio=float(np.mean([excess.ratios[index] for excess, index in at])),
        models=list(places),
        seed_set=seeds,
        asked=rung,
        **common,
    )


def _slope_row(found: list[Excess], n: int, common: Row) -> Row:
    draws, seeds = np.stack([excess.slope for excess in found]), [excess.seed for excess in found]
    return row(
        "excess-slope",
        estimate(draws, n=n, seeds=seeds),
        unit="error per unit of prune ratio",
        models=[key for excess in found for key in excess.keys],
        seed_set=seeds,
        p_value=plain(p_value(over_repetitions(draws, seeds))),
        per_seed=over_seeds(draws, seeds)["per_seed"],
        **common,
    )


def potential_estimate(group: Sequence[ResampledCurve], draws: Array, margin: float) -> Estimate:
    """The potential on one distribution; the lower end for one network is a ratio that is commensurate beyond doubt."""
    flags = potential_notes(group, margin)
    found = estimate(draws, n=group[0].n, seeds=seeds_of(group), bounds=RATIO, flags=flags)
    if len(group) > 1 or not group[0].keys:
        return found
    own = group[0]
    confirmed = confirmed_ratio(own.ratios, own.errors, own.parent, margin=margin)
    return found._replace(low=min(found.low, confirmed), interval=f"{found.interval}{BELOW}")


def curve_potential(curve: ResampledCurve, margin: float, interpolate: bool = False) -> Array:
    """The potential of one curve for the sample and each resample, ``[1 + resamples]``."""
    if not curve.keys:
        return np.zeros(len(curve.parent))
    draws = interpolated_draws if interpolate else potential_draws
    return draws(curve.ratios, curve.errors, curve.parent, margin=margin)


def potential_notes(curves: Sequence[ResampledCurve], margin: float) -> tuple[Flag, ...]:
    """What a reader must know of the potentials of these curves."""
    flags = [
        flag
        for each in curves
        for flag in potential_flags(each.ratios, each.errors[0], each.parent[0], margin=margin)
    ]
    few = 1 < len(set(seeds_of(curves))) < ENOUGH_SEEDS
    lacking = len({each.rungs for each in curves}) > 1
    more = {Flag.FEW_SEEDS: few, Flag.SOME_SEEDS: lacking}
    return unique([*flags, *(flag for flag, applies in more.items() if applies)])


def held_by_all(units: Sequence[Unit], members: Sequence[str]) -> list[str]:
    """The distributions of a set that every unit has been measured on."""
    return [name for name in members if all(name in unit for unit in units)]


def curve_groups(curves: Sequence[ResampledCurve]) -> list[list[ResampledCurve]]:
    """The curves of one variant on one distribution, by seed and repetition."""
    for group in grouped(curves, lambda curve: curve.variant).values():
        units_of(group)
    ordered = sorted(curves, key=lambda curve: (curve.seed, curve.repetition))
    return list(grouped(ordered, lambda curve: (curve.variant, curve.distribution)).values())


def _rungs(group: Sequence[ResampledCurve]) -> list[float]:
    return sorted({rung for curve in group for rung in curve.rungs})


def _models(group: Sequence[ResampledCurve]) -> list[str]:
    return list(unique(key for curve in group for key in curve.keys))
