"""Findings on errors as long rows: prune curves, potentials, their summaries, excess errors and their slopes.

Every function takes the lineages that :func:`prunekit.analysis.curves.resample` gives, so that one bootstrap serves
all findings and any margin, and returns plain dictionaries of JSON values (``schema.py`` describes them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from prunekit.analysis.curves import Lineage, by_seed, grouped
from prunekit.analysis.estimate import Estimate, plain, unique
from prunekit.analysis.excess import Excess, excess_of
from prunekit.analysis.outcome import Array
from prunekit.analysis.potential import (
    ENOUGH_SEEDS,
    FEW_SEEDS,
    MARGIN,
    TOLERANCE,
    check_margin,
    confirmed_ratio,
    interpolated_draws,
    potential_draws,
    potential_flags,
)
from prunekit.analysis.resample import estimate, p_value

Row = dict[str, Any]
BySeed = dict[int, dict[str, Lineage]]

RATIO = (0.0, 1.0)
STATISTICS: dict[str, Callable[..., Array]] = {"mean": np.mean, "minimum": np.min}
BELOW = (
    "; lower end: the largest ratio whose own rise is surely within the margin; bound to the tested ratios, it covers "
    "95 % or more"
)
SOME_SEEDS = "some seeds lack this ratio"


def row(
    finding: str,
    found: Estimate,
    *,
    unit: str,
    method: str | None = None,
    prune_ratio: float | None = None,
    distribution: str | None = None,
    models: Sequence[str] = (),
    seed_set: Sequence[int] = (),
    **more: Any,
) -> Row:
    """One long row: the columns that every finding has, then its own."""
    return {
        "finding": finding,
        "method": method,
        "prune_ratio": None if prune_ratio is None else plain(prune_ratio),
        "distribution": distribution,
        "models": list(models),
        **found.as_row(),
        "seed_set": list(seed_set),
        "unit": unit,
        **more,
    }


def prune_curves(lineages: Sequence[Lineage], *, margin: float = MARGIN) -> list[Row]:
    """Error against prune ratio per method and distribution, the unpruned parent at ratio 0 included."""
    check_margin(margin)
    rows = []
    for (method, distribution), group in _by_curve(lineages).items():
        rows += [_curve_row(method, distribution, group, rung, margin) for rung in (0.0, *_rungs(group))]
    return rows


def _curve_row(method: str, distribution: str, group: list[Lineage], rung: float, margin: float) -> Row:
    held = [lineage for lineage in group if lineage.has(rung)]
    models = [lineage.at(rung) for lineage in held]
    rises = np.stack([model.errors - lineage.parent for model, lineage in zip(models, held, strict=True)])
    n = held[0].n
    flags = (SOME_SEEDS,) if len(held) < len(group) else ()
    return row(
        "prune-curve",
        estimate(np.stack([model.errors for model in models]), n=n, bounds=RATIO, flags=flags),
        unit="error",
        method=method,
        prune_ratio=float(np.mean([model.prune_ratio for model in models])),
        distribution=distribution,
        models=[model.key for model in models],
        seed_set=[lineage.seed for lineage in held],
        asked=rung,
        **rise_columns(rises, n),
        commensurate=bool(rises[:, 0].mean() <= margin + TOLERANCE),
        margin=margin,
    )


def rise_columns(rises: Array, n: int) -> dict[str, Any]:
    """The columns that say how much higher an error is than another, from draws ``[seeds, 1 + resamples]``."""
    rise = estimate(rises, n=n, bounds=(-1.0, 1.0)).as_row()
    return {"rise": rise["value"], "rise_low": rise["low"], "rise_high": rise["high"]}


def potentials(
    lineages: Sequence[Lineage], *, margin: float = MARGIN, interpolate: bool = False
) -> list[Row]:
    """The prune potential per method and distribution, each network against its own parent, mean over seeds."""
    rows = []
    for (method, distribution), group in _by_curve(lineages).items():
        draws = np.stack([lineage_potential(lineage, margin, interpolate) for lineage in group])
        rows.append(
            row(
                "potential",
                potential_estimate(group, draws, margin),
                unit="prune ratio",
                method=method,
                distribution=distribution,
                models=_models(group),
                seed_set=[lineage.seed for lineage in group],
                margin=margin,
                interpolated=interpolate,
                per_seed=[plain(value) for value in draws[:, 0]],
                sd=spread(draws),
            )
        )
    return rows


def potential_summary(
    lineages: Sequence[Lineage], sets: Mapping[str, Sequence[str]], *, margin: float = MARGIN
) -> list[Row]:
    """Mean and minimum potential over named sets of distributions, per network and then averaged over seeds."""
    rows = []
    for method, group in grouped(lineages, lambda lineage: lineage.method).items():
        seeds = by_seed(group)
        for name, members in sets.items():
            held = held_by_all(seeds, members)
            if held:
                rows += [_summary_row(method, seeds, name, held, margin, which) for which in STATISTICS]
    return rows


def _summary_row(method: str, seeds: BySeed, name: str, held: list[str], margin: float, which: str) -> Row:
    chosen = [lineages[distribution] for lineages in seeds.values() for distribution in held]
    draws = np.stack([lineage_potential(lineage, margin) for lineage in chosen])
    per_seed = STATISTICS[which](draws.reshape(len(seeds), len(held), -1), axis=1)
    decide = draws[:, 0] <= per_seed[:, 0].repeat(len(held)) if which == "minimum" else [True] * len(chosen)
    flags = potential_notes([lineage for lineage, does in zip(chosen, decide, strict=True) if does], margin)
    return row(
        f"potential-{which}",
        estimate(per_seed, n=min(lineage.n for lineage in chosen), bounds=RATIO, flags=flags),
        unit="prune ratio",
        method=method,
        distribution=name,
        models=_models(chosen),
        seed_set=list(seeds),
        distributions=held,
        margin=margin,
        per_seed=[plain(value) for value in per_seed[:, 0]],
        sd=spread(per_seed),
    )


def excess_errors(
    lineages: Sequence[Lineage], *, nominal: Sequence[str], shifted: Mapping[str, Sequence[str]]
) -> list[Row]:
    """Difference in excess error per method, ratio and set of shifted distributions, and its slope per set.

    A method that was measured on none of the nominal distributions has none.
    """
    rows = []
    for method, group in grouped(lineages, lambda lineage: lineage.method).items():
        seeds = by_seed(group)
        base = held_by_all(seeds, nominal)
        for name, members in shifted.items():
            held = held_by_all(seeds, members)
            if base and held:
                rows += _excess_rows(method, seeds, name, held, base)
    return rows


def _excess_rows(method: str, seeds: BySeed, name: str, held: list[str], base: list[str]) -> list[Row]:
    found = [
        excess_of(seed, [own[each] for each in held], [own[each] for each in base])
        for seed, own in seeds.items()
    ]
    first = next(iter(seeds.values()))
    n = min(first[each].n for each in (*held, *base))
    common = {"method": method, "distribution": name, "distributions": held, "nominal": base}
    rungs = sorted({rung for excess in found for rung in excess.rungs})
    rows = [_excess_row(found, rung, n, common) for rung in rungs]
    return [*rows, _slope_row(found, n, common)] if rows else []


def _excess_row(found: list[Excess], rung: float, n: int, common: Row) -> Row:
    at = [(excess, excess.rungs.index(rung)) for excess in found if rung in excess.rungs]
    flags = (SOME_SEEDS,) if len(at) < len(found) else ()
    return row(
        "excess-error",
        estimate(np.stack([excess.draws[:, index] for excess, index in at]), n=n, flags=flags),
        unit="error",
        prune_ratio=float(np.mean([excess.ratios[index] for excess, index in at])),
        models=[excess.keys[index] for excess, index in at],
        seed_set=[excess.seed for excess, _ in at],
        asked=rung,
        **common,
    )


def _slope_row(found: list[Excess], n: int, common: Row) -> Row:
    draws = np.stack([excess.slope for excess in found])
    return row(
        "excess-slope",
        estimate(draws, n=n),
        unit="error per unit of prune ratio",
        models=[key for excess in found for key in excess.keys],
        seed_set=[excess.seed for excess in found],
        p_value=plain(p_value(draws)),
        per_seed=[plain(value) for value in draws[:, 0]],
        **common,
    )


def potential_estimate(group: Sequence[Lineage], draws: Array, margin: float) -> Estimate:
    """The potential on one distribution; the lower end for one seed is a ratio that is commensurate beyond doubt."""
    found = estimate(draws, n=group[0].n, bounds=RATIO, flags=potential_notes(group, margin))
    if len(group) > 1 or not group[0].keys:
        return found
    own = group[0]
    confirmed = confirmed_ratio(own.ratios, own.errors, own.parent, margin=margin)
    return found._replace(low=min(found.low, confirmed), interval=f"{found.interval}{BELOW}")


def lineage_potential(lineage: Lineage, margin: float, interpolate: bool = False) -> Array:
    """The potential of one curve for the sample and each resample, ``[1 + resamples]``."""
    if not lineage.keys:
        return np.zeros(len(lineage.parent))
    draws = interpolated_draws if interpolate else potential_draws
    return draws(lineage.ratios, lineage.errors, lineage.parent, margin=margin)


def potential_notes(lineages: Sequence[Lineage], margin: float) -> tuple[str, ...]:
    """What a reader must know of the potentials of these curves."""
    flags = [
        flag
        for each in lineages
        for flag in potential_flags(each.ratios, each.errors[0], each.parent[0], margin=margin)
    ]
    few = 1 < len({each.seed for each in lineages}) < ENOUGH_SEEDS
    return unique([*flags, FEW_SEEDS] if few else flags)


def held_by_all(seeds: BySeed, members: Sequence[str]) -> list[str]:
    """The distributions of a set that every seed has been measured on."""
    return [name for name in members if all(name in lineages for lineages in seeds.values())]


def spread(draws: Array) -> float | None:
    """Standard deviation over seeds of the statistic itself; None for one seed."""
    return plain(draws[:, 0].std(ddof=1)) if len(draws) > 1 else None


def _by_curve(lineages: Sequence[Lineage]) -> dict[tuple[str, str], list[Lineage]]:
    for group in grouped(lineages, lambda lineage: lineage.method).values():
        by_seed(group)
    return grouped(
        sorted(lineages, key=lambda lineage: lineage.seed),
        lambda lineage: (lineage.method, lineage.distribution),
    )


def _rungs(group: Sequence[Lineage]) -> list[float]:
    return sorted({rung for lineage in group for rung in lineage.rungs})


def _models(group: Sequence[Lineage]) -> list[str]:
    return list(unique(key for lineage in group for key in lineage.keys))
