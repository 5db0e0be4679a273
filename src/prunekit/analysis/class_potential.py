"""How far a network can be pruned before a single class pays for it: the potential on each class's images alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from prunekit.analysis.classes import classes_in
from prunekit.analysis.curves import Curve, Point, ResampledCurve, grouped, images_of, resample, seeds_of
from prunekit.analysis.estimate import Estimate, unique
from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Array, wrong
from prunekit.analysis.paired import Paired
from prunekit.analysis.potential import MARGIN
from prunekit.analysis.potentials import Potential, of_new_networks, potentials_of
from prunekit.analysis.resample import RESAMPLES, estimate
from prunekit.analysis.rows import RATIO, Row, margin_columns, over_seeds, row
from prunekit.analysis.summary import joint_summary
from prunekit.analysis.verdict import Margin, as_margin


def class_potentials(
    pairs: Sequence[Paired],
    *,
    margin: Margin | float = MARGIN,
    classes: Sequence[str] = (),
    top_k: int = 1,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Row]:
    """The prune potential on the images of each class alone, and the smallest of them.

    Images are resampled within classes; ``classes`` names them in order of label.
    """
    allowed = as_margin(margin)
    fields = list(grouped(pairs, lambda pair: (pair.variant, pair.distribution)).values())
    found: list[dict[str, Potential]] = [{} for _ in fields]
    for label in sorted({label for members in fields for label in classes_in(members[0])}):
        for place, name, each in _of_class(fields, label, classes, allowed, top_k, (resamples, seed)):
            found[place][name] = each
    rows: list[Row] = []
    for by_class in found:
        rows += [_class_row(name, each, allowed) for name, each in by_class.items()]
        rows.append(_smallest_row(by_class, allowed))
    return rows


def _of_class(
    fields: Sequence[Sequence[Paired]],
    label: int,
    classes: Sequence[str],
    margin: Margin,
    top_k: int,
    bootstrap: tuple[int, int],
) -> Iterator[tuple[int, str, Potential]]:
    """The potential of one class of every variant and distribution, resampled together; places among the fields."""
    held = [place for place, members in enumerate(fields) if label in classes_in(members[0])]
    curves = [curve for place in held for curve in _class_curves(fields[place], label, top_k)]
    resamples, seed = bootstrap
    each = potentials_of(resample(curves, resamples=resamples, seed=seed), margin)
    by_field = {(found.group[0].variant, found.group[0].distribution): found for found in each}
    for place in held:
        first = fields[place][0]
        yield place, classes_in(first, classes)[label], by_field[first.variant, first.distribution]


def _class_curves(pairs: Sequence[Paired], label: int, top_k: int) -> list[Curve]:
    ordered = sorted(pairs, key=lambda pair: (pair.seed, pair.repetition))
    units = grouped(ordered, lambda pair: (pair.seed, pair.repetition))
    return [_class_curve(members, label, top_k) for members in units.values()]


def _class_curve(pairs: Sequence[Paired], label: int, top_k: int) -> Curve:
    first = pairs[0]
    chosen = np.asarray(first.own["label"] == label)
    return Curve(
        variant=first.variant,
        seed=first.seed,
        repetition=first.repetition,
        distribution=first.distribution,
        parent=first.parent,
        parent_outcome=wrong(first.reference["rank"][chosen] >= top_k),
        points=tuple(
            Point(pair.prune_ratio, pair.key, wrong(pair.own["rank"][chosen] >= top_k), pair.asked)
            for pair in pairs
        ),
        images=f"{images_of(first.distribution)}, class {label}",
    )


def _class_row(name: str, found: Potential, margin: Margin) -> Row:
    return _row("class-potential", found.found, found.draws, found.group, margin, name)


def _smallest_row(by_class: dict[str, Potential], margin: Margin) -> Row:
    draws = np.stack([each.draws for each in by_class.values()])
    worst = list(by_class)[int(draws[:, :, 0].mean(axis=1).argmin())]
    smallest, curves = draws.min(axis=0), by_class[worst].group
    found = estimate(smallest, n=curves[0].n, seeds=seeds_of(curves), bounds=RATIO, flags=(Flag.SMALLEST,))
    return _row(
        "class-potential-minimum", _ends(found, list(by_class.values())), smallest, curves, margin, worst
    )


def _ends(found: Estimate, every: Sequence[Potential]) -> Estimate:
    drawn = joint_summary(every, np.ones(len(every)), "minimum", achieved=True)
    if found.seeds > 1 and drawn:
        return of_new_networks(found, drawn.least)
    return found._replace(low=min(found.low, *(each.found.low for each in every)))


def _row(
    finding: str,
    found: Estimate,
    draws: Array,
    curves: Sequence[ResampledCurve],
    margin: Margin,
    name: str,
) -> Row:
    more: dict[str, Any] = {**margin_columns(margin), "class": name}
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
