"""The prune potential on noisy inputs: per draw of the noise, then averaged; or on the mean error over draws.

Per draw, a network passes if its error is *below* its parent's plus the margin on the same draw, as in the paper's own
program; on the mean error, if it is at most that. The first is usually lower: single draws scatter more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prunekit.analysis.curves import Curve, Point, ResampledCurve, grouped, resample
from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Array, wrong
from prunekit.analysis.potential import MARGIN, TOLERANCE
from prunekit.analysis.potentials import Potential, potential_row, potentials_of
from prunekit.analysis.reach import drawn_rises
from prunekit.analysis.resample import RESAMPLES, estimate, over_repetitions
from prunekit.analysis.rows import RATIO, Row
from prunekit.analysis.similarity import Compared
from prunekit.analysis.variant import UNPRUNED
from prunekit.analysis.verdict import Margin, as_margin

BY_DRAW = ("wrong_by_draw", "reference_wrong_by_draw")
MOST_CELLS = 4_000_000


def noise_potentials(
    compared: Sequence[Compared],
    *,
    margin: Margin | float = MARGIN,
    by_draw: bool = True,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Row]:
    """The prune potential per variant and noise level, from the errors on the noisy images.

    ``by_draw`` is the paper's rule; the mean error is used where the errors of single draws were not stored.
    """
    allowed = as_margin(margin)
    pruned = [
        item
        for item in compared
        if item.own and item.variant.role not in UNPRUNED and "reference_wrong" in item.metrics
    ]
    rows: list[Row] = []
    for protocol, items in grouped(pruned, lambda item: item.protocol).items():
        drawn = by_draw and all(name in item.metrics for item in items for name in BY_DRAW)
        for place, level in enumerate(protocol.levels):
            curves = resample(_curves(items, place), resamples=resamples, seed=seed)
            for found in potentials_of(curves, allowed):
                each = _per_draw(found, items, place, allowed) if drawn else found
                own = potential_row(each, allowed, False)
                own.update(finding="noise-potential", level=level, by_draw=drawn, **protocol.columns())
                rows.append(own)
    return rows


def _curves(items: Sequence[Compared], place: int) -> list[Curve]:
    """A prune curve per variant, seed and repetition; the parent's error was measured along with each network's."""
    return [
        _curve(group, place)
        for group in grouped(items, lambda item: (item.variant, item.seed, item.repetition)).values()
    ]


def _curve(group: Sequence[Compared], place: int) -> Curve:
    first, protocol = group[0], group[0].protocol
    return Curve(
        variant=first.variant,
        seed=first.seed,
        repetition=first.repetition,
        distribution=f"{protocol.distribution}+{protocol.noise}@{protocol.levels[place]:g}",
        parent=first.parent,
        parent_outcome=wrong(first.metrics["reference_wrong"][place]),
        points=tuple(
            Point(item.prune_ratio, item.key, wrong(item.metrics["wrong"][place]), item.asked)
            for item in group
        ),
        images=protocol.name,
    )


def _per_draw(found: Potential, items: Sequence[Compared], place: int, margin: Margin) -> Potential:
    """The same potential by the rule of single draws: its value, and with one seed also its interval.

    A draw's error on a resample is the mean error there plus the draw's own deviation from the mean.
    """
    by_key = {item.key: item for item in items}
    each = [_draws_of(curve, by_key, place, margin) for curve in found.group]
    size = min(len(passes) for passes, _ in each)
    draws = np.stack([(passes[:size] @ weights) for passes, weights in each])
    seeds = [curve.seed for curve in found.group]
    flags = tuple(flag for flag in found.found.flags if flag != Flag.EXPECTED)
    made = estimate(draws, n=found.found.n, seeds=seeds, bounds=RATIO, flags=flags)
    reach = found.reach
    if reach is None:
        return found
    asked = [
        float(passes[0] @ np.diff(curve.rungs, prepend=0.0))
        for (passes, _), curve in zip(each, found.group, strict=True)
    ]
    value = float(over_repetitions(np.array(asked)[:, None], seeds).mean())
    if reach.several:
        return found._replace(
            found=found.found._replace(value=made.value), draws=draws, reach=reach._replace(value=value)
        )
    chances = np.stack([passes[1:size] for passes, _ in each])
    low = min(made.low, found.found.low)
    kept = made._replace(low=low, interval=f"{made.interval}, of single draws of the noise")
    return Potential(found.group, kept, draws, reach._replace(value=value, at_least=_on_grid(chances, found)))


def _on_grid(chances: Array, found: Potential) -> Array:
    """The chances ``[networks, draws, ratios]`` if all curves hold every ratio of their variant, else the reach's."""
    assert found.reach is not None  # noqa: S101 - the caller has checked
    whole = all(curve.rungs == found.reach.rungs for curve in found.group)
    return chances if whole else found.reach.at_least


def _draws_of(
    curve: ResampledCurve, by_key: dict[str, Compared], place: int, margin: Margin
) -> tuple[Array, Array]:
    """Share of draws whose potential is at least each ratio ``[1 + resamples, ratios]``, and the grid's steps.

    Resamples are those of :func:`prunekit.analysis.reach.drawn_rises`.
    """
    items = [by_key[key] for key in curve.keys]
    own = np.stack([item.metrics[BY_DRAW[0]][place] for item in items], axis=1)
    reference = np.asarray(items[0].metrics[BY_DRAW[1]][place], dtype=np.float64)
    count = max(101, min(len(curve.errors), MOST_CELLS // own.size))
    parent = curve.parent[:count]
    rises = np.concatenate([curve.errors[:1] - parent[0], drawn_rises(curve)])[:count]
    errors = rises + parent[:, None]
    share = np.zeros(errors.shape)
    for draw in range(len(own)):
        base = parent + (reference[draw] - reference.mean())
        limit = base + margin.of(base)
        passes = errors + (own[draw] - own.mean(axis=0)) < limit[:, None] - TOLERANCE
        share += np.maximum.accumulate(passes[:, ::-1], axis=1)[:, ::-1]
    return share / len(own), np.diff(curve.ratios, prepend=0.0)
