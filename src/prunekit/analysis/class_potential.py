"""How far a network can be pruned before a single class pays for it: the potential on each class's images alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from prunekit.analysis.classes import classes_in
from prunekit.analysis.curves import Curve, Lineage, Point, grouped, images_of, resample
from prunekit.analysis.estimate import Estimate, plain, unique
from prunekit.analysis.outcome import Array, wrong
from prunekit.analysis.paired import Paired
from prunekit.analysis.potential import MARGIN
from prunekit.analysis.resample import RESAMPLES, estimate
from prunekit.analysis.rows import RATIO, Row, lineage_potential, potential_estimate, row, spread

SMALLEST = "the smallest of many classes is biased downwards"


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
    for members in grouped(pairs, lambda pair: (pair.method, pair.distribution)).values():
        by_class = {
            name: resample(_class_curves(members, label), resamples=resamples, seed=seed)
            for label, name in classes_in(members[0], classes).items()
        }
        rows += [_class_row(name, lineages, margin) for name, lineages in by_class.items()]
        rows.append(_smallest_row(by_class, margin))
    return rows


def _class_curves(pairs: Sequence[Paired], label: int) -> list[Curve]:
    by_seed = grouped(sorted(pairs, key=lambda pair: pair.seed), lambda pair: pair.seed)
    return [_class_curve(members, label) for members in by_seed.values()]


def _class_curve(pairs: Sequence[Paired], label: int) -> Curve:
    first = pairs[0]
    chosen = np.asarray(first.own["label"] == label)
    return Curve(
        method=first.method,
        seed=first.seed,
        distribution=first.distribution,
        parent=first.parent,
        parent_outcome=wrong(first.reference["rank"][chosen] > 0),
        points=tuple(
            Point(pair.prune_ratio, pair.key, wrong(pair.own["rank"][chosen] > 0), pair.asked)
            for pair in pairs
        ),
        images=f"{images_of(first.distribution)}, class {label}",
    )


def _class_row(name: str, lineages: Sequence[Lineage], margin: float) -> Row:
    draws = np.stack([lineage_potential(lineage, margin) for lineage in lineages])
    found = potential_estimate(lineages, draws, margin)
    return _row("class-potential", found, draws, lineages, {"margin": margin, "class": name})


def _smallest_row(by_class: dict[str, list[Lineage]], margin: float) -> Row:
    draws = np.array(
        [[lineage_potential(each, margin) for each in lineages] for lineages in by_class.values()]
    )
    worst = list(by_class)[int(draws[:, :, 0].mean(axis=1).argmin())]
    smallest, lineages = draws.min(axis=0), by_class[worst]
    found = estimate(smallest, n=lineages[0].n, bounds=RATIO, flags=(SMALLEST,))
    return _row("class-potential-minimum", found, smallest, lineages, {"margin": margin, "class": worst})


def _row(
    finding: str, found: Estimate, draws: Array, lineages: Sequence[Lineage], more: dict[str, Any]
) -> Row:
    return row(
        finding,
        found,
        unit="prune ratio",
        method=lineages[0].method,
        distribution=lineages[0].distribution,
        models=unique(key for lineage in lineages for key in lineage.keys),
        seed_set=[lineage.seed for lineage in lineages],
        per_seed=[plain(value) for value in draws[:, 0]],
        sd=spread(draws),
        **more,
    )
