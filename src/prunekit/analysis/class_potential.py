"""How far a network can be pruned before a single class pays for it: the potential on each class's images alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from prunekit.analysis.classes import classes_in
from prunekit.analysis.curves import Curve, Point, ResampledCurve, grouped, images_of, resample, seeds_of
from prunekit.analysis.estimate import Estimate, unique
from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Array, wrong
from prunekit.analysis.paired import Paired
from prunekit.analysis.potential import MARGIN
from prunekit.analysis.resample import RESAMPLES, estimate
from prunekit.analysis.rows import RATIO, Row, curve_potential, over_seeds, potential_estimate, row


def class_potentials(
    pairs: Sequence[Paired],
    *,
    margin: float = MARGIN,
    classes: Sequence[str] = (),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Row]:
    """The prune potential on the images of each class alone, and the smallest of them.

    Images are resampled within classes; ``classes`` names them in order of label.
    """
    rows: list[Row] = []
    for members in grouped(pairs, lambda pair: (pair.variant, pair.distribution)).values():
        by_class = {
            name: resample(_class_curves(members, label), resamples=resamples, seed=seed)
            for label, name in classes_in(members[0], classes).items()
        }
        rows += [_class_row(name, curves, margin) for name, curves in by_class.items()]
        rows.append(_smallest_row(by_class, margin))
    return rows


def _class_curves(pairs: Sequence[Paired], label: int) -> list[Curve]:
    ordered = sorted(pairs, key=lambda pair: (pair.seed, pair.repetition))
    units = grouped(ordered, lambda pair: (pair.seed, pair.repetition))
    return [_class_curve(members, label) for members in units.values()]


def _class_curve(pairs: Sequence[Paired], label: int) -> Curve:
    first = pairs[0]
    chosen = np.asarray(first.own["label"] == label)
    return Curve(
        variant=first.variant,
        seed=first.seed,
        repetition=first.repetition,
        distribution=first.distribution,
        parent=first.parent,
        parent_outcome=wrong(first.reference["rank"][chosen] > 0),
        points=tuple(
            Point(pair.prune_ratio, pair.key, wrong(pair.own["rank"][chosen] > 0), pair.asked)
            for pair in pairs
        ),
        images=f"{images_of(first.distribution)}, class {label}",
    )


def _class_row(name: str, curves: Sequence[ResampledCurve], margin: float) -> Row:
    draws = np.stack([curve_potential(curve, margin) for curve in curves])
    found = potential_estimate(curves, draws, margin)
    return _row("class-potential", found, draws, curves, {"margin": margin, "class": name})


def _smallest_row(by_class: dict[str, list[ResampledCurve]], margin: float) -> Row:
    draws = np.array([[curve_potential(each, margin) for each in curves] for curves in by_class.values()])
    worst = list(by_class)[int(draws[:, :, 0].mean(axis=1).argmin())]
    smallest, curves = draws.min(axis=0), by_class[worst]
    found = estimate(smallest, n=curves[0].n, seeds=seeds_of(curves), bounds=RATIO, flags=(Flag.SMALLEST,))
    return _row("class-potential-minimum", found, smallest, curves, {"margin": margin, "class": worst})


def _row(
    finding: str, found: Estimate, draws: Array, curves: Sequence[ResampledCurve], more: dict[str, Any]
) -> Row:
    return row(
        finding,
        found,
        unit="prune ratio",
        variant=curves[0].variant,
        distribution=curves[0].distribution,
        models=unique(key for curve in curves for key in curve.keys),
        seed_set=seeds_of(curves),
        **over_seeds(draws, seeds_of(curves)),
        **more,
    )
