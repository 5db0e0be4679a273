"""Prune curves as rows: errors, rises over the unpruned parent, and the verdict on every rise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prunekit.analysis.curves import ResampledCurve, distinct_at, grouped, seeds_of
from prunekit.analysis.estimate import Estimate, plain
from prunekit.analysis.flags import Flag
from prunekit.analysis.potential import MARGIN, TOLERANCE
from prunekit.analysis.resample import over_repetitions
from prunekit.analysis.rises import Place, Rise, rises_of
from prunekit.analysis.rows import (
    RATIO,
    Row,
    chance_flags,
    curve_groups,
    margin_columns,
    rise_columns,
    role_at,
    row,
    rungs_in,
)
from prunekit.analysis.sampled import Sampled, estimates, sampled
from prunekit.analysis.seeds import probit_scale
from prunekit.analysis.verdict import Margin, as_margin, judge_rises


def prune_curves(curves: Sequence[ResampledCurve], *, margin: Margin | float = MARGIN) -> list[Row]:
    """Error against prune ratio per variant and distribution, including the unpruned parent at ratio 0."""
    allowed, rises = as_margin(margin), rises_of(curves)
    held = [
        (distinct_at(group, rung), rung, all(curve.has(rung) for curve in group))
        for group in curve_groups(curves)
        for rung in (0.0, *rungs_in(group))
    ]
    errors = estimates([error_of(group, rung, whole) for group, rung, whole in held])
    rows = [
        _curve_row(group, rung, error, rises.get(_place(group, rung)), allowed)
        for (group, rung, _), error in zip(held, errors, strict=True)
    ]
    return judged_together(rows, [rises.get(_place(group, rung)) for group, rung, _ in held])


def _place(group: Sequence[ResampledCurve], rung: float) -> Place:
    return group[0].variant, group[0].distribution, rung


def error_of(held: Sequence[ResampledCurve], rung: float, whole: bool = True) -> Sampled:
    """The error at a ratio, of the curves that hold it; ``whole`` says whether all curves of their variant do."""
    models = [curve.at(rung) for curve in held]
    error = float(np.mean([model.errors[0] for model in models]))
    return sampled(
        np.stack([model.outcome.per_image for model in models]),
        seeds_of(held),
        made_up=held[0].parent_outcome.made_up[0],
        scale=float(probit_scale(error)),
        bounds=RATIO,
        flags=(*(() if whole else (Flag.SOME_SEEDS,)), *chance_flags(held)),
    )


def _curve_row(
    held: list[ResampledCurve], rung: float, error: Estimate, rise: Rise | None, margin: Margin
) -> Row:
    models, seeds = [curve.at(rung) for curve in held], seeds_of(held)
    limit = float(np.mean([margin.of(curve.parent[0]) for curve in held]))
    found = over_repetitions(
        np.array([[m.errors[0] - c.parent[0]] for m, c in zip(models, held, strict=True)]), seeds
    )
    return row(
        "prune-curve",
        error,
        unit="error",
        variant=held[0].variant,
        role=role_at(rung),
        prune_ratio=float(np.mean([model.prune_ratio for model in models])),
        distribution=held[0].distribution,
        models=[model.key for model in models],
        seed_set=seeds,
        asked=rung,
        **rise_columns(rise.found if rise else None),
        commensurate=bool(found.mean() <= limit + TOLERANCE),
        **margin_columns(margin),
        limit=plain(limit),
        verdict=None,
        p_verdict=None,
        verdict_holm=None,
    )


def judged_together(rows: list[Row], rises: Sequence[Rise | None]) -> list[Row]:
    """Fill in the verdicts: uncorrected, and corrected for all distributions of the variant and ratio (Holm)."""
    judged = [(own, rise.found) for own, rise in zip(rows, rises, strict=True) if rise]
    for group in grouped(judged, lambda each: (each[0]["variant"], each[0]["asked"])).values():
        students = [found.student for _, found in group if found.student]
        stacked = students[0].stacked(students)
        limits = np.array([own["limit"] for own, _ in group])
        alone, together = (judge_rises(stacked, limits, together=each) for each in (False, True))
        for place, (own, _) in enumerate(group):
            own["verdict"], own["verdict_holm"] = alone.verdicts[place].value, together.verdicts[place].value
            own["p_verdict"] = plain(float(alone.p_values[place]))
    return rows
