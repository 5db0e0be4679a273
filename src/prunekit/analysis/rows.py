"""Long rows: plain dictionaries of JSON values (``schema.py`` describes them), and the columns that many share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from prunekit.analysis.chance import is_at_chance
from prunekit.analysis.curves import ResampledCurve, Unit, grouped, units_of
from prunekit.analysis.estimate import Estimate, plain, unique
from prunekit.analysis.flags import Flag
from prunekit.analysis.joint import Draws
from prunekit.analysis.outcome import Array
from prunekit.analysis.resample import over_repetitions
from prunekit.analysis.shifts import nominal_of
from prunekit.analysis.variant import Role, Variant
from prunekit.analysis.verdict import Margin

RATIO = (0.0, 1.0)


class Row(dict[str, Any]):
    """One long row of plain JSON values; ``draws`` are its joint draws, where a claim may need them."""

    draws: Draws | None = None

    def drawn(self, draws: Draws | None) -> Row:
        """The row itself, with its draws."""
        self.draws = draws
        return self


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

    ``role`` is that of the row's networks where it differs from the variant's, as for the unpruned parent of a curve.
    """
    members = more.get("distributions") or ([] if distribution is None else [distribution])
    return Row(
        {
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
    )


def margin_columns(margin: Margin) -> dict[str, Any]:
    """The columns that say which rise is allowed."""
    return {"margin": margin.size, "relative": margin.relative}


def rise_columns(rise: Estimate | None) -> dict[str, Any]:
    """The columns of a rise in error; None means the parent itself, whose rise is 0."""
    if rise is None:
        return {"rise": 0.0, "rise_low": 0.0, "rise_high": 0.0, "rise_these_low": 0.0, "rise_these_high": 0.0}
    found = rise.as_row()
    return {
        "rise": found["value"],
        "rise_low": found["low"],
        "rise_high": found["high"],
        "rise_these_low": found["these_low"],
        "rise_these_high": found["these_high"],
    }


def role_at(rung: float) -> Role | None:
    """The role of the networks at a ratio of the grid: parent at 0, else None (that of the variant)."""
    return None if rung else Role.PARENT


def chance_flags(held: Sequence[ResampledCurve]) -> tuple[Flag, ...]:
    """The flag of parents that are no better than guessing."""
    return (Flag.CHANCE,) if at_chance(held) else ()


def at_chance(held: Sequence[ResampledCurve]) -> bool:
    """Whether the parents' mean error is no better than guessing."""
    first = held[0]
    return is_at_chance(float(np.mean([curve.parent[0] for curve in held])), first.chance, first.n)


def over_seeds(draws: Array, seeds: Sequence[int]) -> dict[str, Any]:
    """The columns that hold the value of each seed and their standard deviation (None for one seed)."""
    values = over_repetitions(draws, seeds)[:, 0]
    spread = plain(values.std(ddof=1)) if len(values) > 1 else None
    return {"per_seed": [plain(value) for value in values], "sd": spread}


def held_by_all(units: Sequence[Unit], members: Sequence[str]) -> list[str]:
    """The distributions of a set on which every unit has been measured."""
    return [name for name in members if all(name in unit for unit in units)]


def curve_groups(curves: Sequence[ResampledCurve]) -> list[list[ResampledCurve]]:
    """The curves of one variant on one distribution, by seed and repetition."""
    for group in grouped(curves, lambda curve: curve.variant).values():
        units_of(group)
    ordered = sorted(curves, key=lambda curve: (curve.seed, curve.repetition))
    return list(grouped(ordered, lambda curve: (curve.variant, curve.distribution)).values())


def models_of(group: Sequence[ResampledCurve]) -> list[str]:
    """The keys of all networks of these curves."""
    return list(unique(key for curve in group for key in curve.keys))


def rungs_in(group: Sequence[ResampledCurve]) -> list[float]:
    """The ratios of the grid that any of these curves holds."""
    return sorted({rung for curve in group for rung in curve.rungs})
