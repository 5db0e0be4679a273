"""How well one network predicts from another's informative pixels: a heat map of networks by networks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from prunekit.analysis.curves import grouped
from prunekit.analysis.estimate import Estimate
from prunekit.analysis.outcome import Array
from prunekit.analysis.resample import RESAMPLES, over_repetitions, weighted_sums
from prunekit.analysis.rises import number_of
from prunekit.analysis.rows import RATIO, Row, row
from prunekit.analysis.sampled import Sampled, estimates, joint_draws, sampled
from prunekit.analysis.variant import Role, Variant

# A network of a heat map: its prune ratio of the grid (0 for the unpruned parent), or the role of a separate network.
Member = float | Literal[Role.SEPARATE]


class Transfer(NamedTuple):
    """One network shown another's informative pixels: confidence in the true class ``[n, kept shares]``.

    ``row`` is the network whose pixels are kept, ``column`` the one that predicts: a prune ratio of the grid, 0.0 for
    the unpruned parent, or the role of a separate network. ``separate`` is the variant of the separate network of the
    two, if any. ``seed`` is that of the unpruned parent; ``block`` and ``candidates`` say how the pixels were searched.
    """

    variant: Variant
    seed: int
    row: Member
    column: Member
    row_key: str
    column_key: str
    distribution: str
    kept: tuple[float, ...]
    confidence: Array
    separate: Variant | None = None
    block: int = 1
    candidates: int | None = None


def member_of(row: Mapping[str, Any], side: str) -> Member:
    """The network of the heat map on the ``row`` or the ``column`` side of a row."""
    separate = row[f"{side}_role"] == Role.SEPARATE
    return Role.SEPARATE if separate else float(row[f"{side}_model"])


def kept_pixels(pixels: int, share: float) -> int:
    """The number of pixels in a share of ``pixels``: the nearest whole number, at least one."""
    return max(1, round(pixels * share))


def transfers(
    items: Sequence[Transfer], *, kept: float, resamples: int = RESAMPLES, seed: int = 0
) -> list[Row]:
    """The heat map at one kept share, if measured (``features-transfer``), and at every share (``features-curve``).

    Networks of one cell and parent (separate networks, repetitions) are averaged under that parent.
    """
    groups = _cells(items)
    places = [(group, place) for group in groups for place in range(len(group[0].kept))]
    found = estimates([_sampled(group, place) for group, place in places])
    rows: list[Row] = []
    for (group, place), each in zip(places, found, strict=True):
        share = group[0].kept[place]
        rows.append(_cell("features-curve", group, each, share))
        if share == kept:
            images = over_repetitions(
                np.stack([_draws(item, resamples=resamples, seed=seed)[place] for item in group]),
                [item.seed for item in group],
            ).mean(axis=0)
            drawn = joint_draws(each, images, number_of("features", *_cell_of(group[0])))
            rows.append(_cell("features-transfer", group, each, share).drawn(drawn))
    return rows


def _sampled(group: Sequence[Transfer], place: int) -> Sampled:
    values = np.stack([item.confidence[:, place] for item in group])
    return sampled(values, [item.seed for item in group], bounds=RATIO)


def _cells(items: Sequence[Transfer]) -> list[list[Transfer]]:
    """The items of each cell of the heat map: they differ only in seeds."""
    return list(grouped(items, _cell_of).values())


def _cell_of(item: Transfer) -> tuple[Hashable, ...]:
    sought = (item.block, item.candidates, len(item.confidence))
    return (item.variant, item.distribution, item.row, item.column, item.separate, item.kept, *sought)


def _draws(item: Transfer, *, resamples: int, seed: int) -> Array:
    """Mean confidence ``[kept shares, 1 + resamples]``; every cell uses the same resamples."""
    confidence = np.asarray(item.confidence, dtype=np.float64)
    return weighted_sums(confidence, resamples=resamples, seed=seed, images=item.distribution) / len(
        confidence
    )


def _columns(side: str, part: Member, pruned: Variant) -> dict[str, Any]:
    """The columns of one network of the heat map: its role, and its prune ratio."""
    if isinstance(part, Role):
        return {f"{side}_role": str(part), f"{side}_model": 0.0}
    return {f"{side}_role": str(pruned.role if part else Role.PARENT), f"{side}_model": part}


def _cell(finding: str, group: Sequence[Transfer], found: Estimate, share: float) -> Row:
    first, seeds = group[0], [item.seed for item in group]
    return row(
        finding,
        found,
        unit="confidence in the true class",
        variant=first.variant,
        distribution=first.distribution,
        models=list(dict.fromkeys(key for item in group for key in (item.row_key, item.column_key))),
        seed_set=seeds,
        **_columns("row", first.row, first.variant),
        **_columns("column", first.column, first.variant),
        kept=share,
        control=first.separate.id if first.separate else None,
        block=first.block,
        candidates=first.candidates,
    )
