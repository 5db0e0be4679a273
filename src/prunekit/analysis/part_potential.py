"""How far a network can be pruned before one class or group suffers: the potential on its images only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from prunekit.analysis.curves import Curve, Point, ResampledCurve, grouped, images_of, resample, seeds_of
from prunekit.analysis.estimate import Estimate, unique
from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Array, wrong
from prunekit.analysis.paired import Paired
from prunekit.analysis.parts import Groups, Part, class_parts, group_parts
from prunekit.analysis.potential import MARGIN
from prunekit.analysis.potentials import Potential, of_new_networks, potentials_of
from prunekit.analysis.resample import RESAMPLES, estimate
from prunekit.analysis.rows import RATIO, Row, margin_columns, over_seeds, row
from prunekit.analysis.summary import joint_summary
from prunekit.analysis.verdict import Margin, as_margin

# For single classes and groups, on which no claim rests: an end of a normal number's interval is then known to 3 % of
# its distance from the number (docs/statistics.md, Speed).
PART_RESAMPLES = 2500


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
    asked = Asked("class-potential", as_margin(margin), top_k, min(resamples, PART_RESAMPLES), seed)
    return part_potentials(pairs, lambda pair: class_parts(pair, classes), asked)


def group_potentials(
    pairs: Sequence[Paired],
    groups: Groups,
    *,
    margin: Margin | float = MARGIN,
    top_k: int = 1,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Row]:
    """The prune potential on the images of each group alone, and the smallest of each grouping."""
    asked = Asked("group-potential", as_margin(margin), top_k, min(resamples, PART_RESAMPLES), seed)
    return part_potentials(pairs, lambda pair: group_parts(pair, groups), asked)


class Asked(NamedTuple):
    """How the potentials of parts are named, judged and resampled."""

    finding: str
    margin: Margin
    top_k: int
    resamples: int
    seed: int


Of = tuple[Part, Potential]


def part_potentials(
    pairs: Sequence[Paired], parts_of: Callable[[Paired], list[Part]], asked: Asked
) -> list[Row]:
    """The prune potential on the images of each part alone, and the smallest of each grouping."""
    fields = list(grouped(pairs, lambda pair: (pair.variant, pair.distribution)).values())
    parts = [{part.place: part for part in parts_of(members[0])} for members in fields]
    found: list[list[Of]] = [[] for _ in fields]
    for place in sorted({place for each in parts for place in each}):
        held = [number for number, each in enumerate(parts) if place in each]
        for number, potential in _of_part([(fields[each], parts[each][place]) for each in held], asked):
            found[held[number]].append((parts[held[number]][place], potential))
    rows: list[Row] = []
    for each in found:
        for members in grouped(each, lambda own: own[0].grouping).values():
            rows += [_part_row(own, asked) for own in members]
            rows.append(_smallest_row(members, asked))
    return rows


def _of_part(
    fields: Sequence[tuple[Sequence[Paired], Part]], asked: Asked
) -> Iterator[tuple[int, Potential]]:
    """The potential of one part for every variant and distribution, resampled together, by its place in ``fields``."""
    curves = [curve for members, part in fields for curve in _curves(members, part, asked.top_k)]
    each = potentials_of(resample(curves, resamples=asked.resamples, seed=asked.seed), asked.margin)
    by_field = {(found.group[0].variant, found.group[0].distribution): found for found in each}
    for number, (members, _) in enumerate(fields):
        yield number, by_field[members[0].variant, members[0].distribution]


def _curves(pairs: Sequence[Paired], part: Part, top_k: int) -> list[Curve]:
    ordered = sorted(pairs, key=lambda pair: (pair.seed, pair.repetition))
    units = grouped(ordered, lambda pair: (pair.seed, pair.repetition))
    return [_curve(members, part, top_k) for members in units.values()]


def _curve(pairs: Sequence[Paired], part: Part, top_k: int) -> Curve:
    first, chosen = pairs[0], part.images
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
        images=f"{images_of(first.distribution)}, {part.token}",
    )


def _part_row(own: Of, asked: Asked) -> Row:
    part, found = own
    return _row(asked.finding, found.found, found.draws, found.group, asked.margin, part)


def _smallest_row(members: Sequence[Of], asked: Asked) -> Row:
    potentials = [potential for _, potential in members]
    draws = np.stack([each.draws for each in potentials])
    worst = int(draws[:, :, 0].mean(axis=1).argmin())
    smallest, curves = draws.min(axis=0), potentials[worst].group
    found = estimate(smallest, n=curves[0].n, seeds=seeds_of(curves), bounds=RATIO, flags=(Flag.SMALLEST,))
    name = f"{asked.finding}-minimum"
    return _row(name, _ends(found, potentials), smallest, curves, asked.margin, members[worst][0])


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
    part: Part,
) -> Row:
    more: dict[str, Any] = {**margin_columns(margin), **part.columns}
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
