"""How close pruned networks are to their parents as functions, under noise of growing size (PAPER 1.4).

Reads what was measured per level and image, averaged over draws; intervals resample the images, the same for all
networks of one measurement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from prunekit.analysis.curves import Curve, Point, grouped, resample, rung_of
from prunekit.analysis.outcome import Array, wrong
from prunekit.analysis.potential import MARGIN
from prunekit.analysis.resample import RESAMPLES, estimate, weighted_sums
from prunekit.analysis.rows import Row, potentials, row
from prunekit.errors import UsageError

SEPARATE = "separate"
NO_CONTROL = "no separate network: the control is left out"


class Metric(NamedTuple):
    """One way to compare two networks on the same input: its unit, its range, and whether more is closer."""

    unit: str
    bounds: tuple[float, float]
    more_is_closer: bool


METRICS: dict[str, Metric] = {
    "agreement": Metric("share of predictions", (0.0, 1.0), True),
    "softmax_l2": Metric("distance", (0.0, np.sqrt(2)), False),
    "softmax_linf": Metric("distance", (0.0, 1.0), False),
    "logit_l2": Metric("distance", (0.0, np.inf), False),
    "kl": Metric("nats", (0.0, np.inf), False),
    "probability_loyalty": Metric("1 - √JS", (0.0, 1.0), True),
    "wrong": Metric("error", (0.0, 1.0), False),
}


class Compared(NamedTuple):
    """One network compared with ``parent`` on noisy images: ``metrics`` are ``[levels, n]``, averaged over draws.

    ``method`` is "separate" for the control. ``noise`` is the kind of noise, ``asked`` the grid's ratio; networks of
    one ``distribution`` and ``noise`` saw the same images in the same order.
    """

    method: str
    seed: int
    prune_ratio: float
    key: str
    parent: str
    distribution: str
    levels: tuple[float, ...]
    metrics: Mapping[str, Array]
    noise: str = "uniform"
    asked: float | None = None

    @property
    def rung(self) -> float:
        """Its place on the grid."""
        return rung_of(self.prune_ratio, self.asked)

    @property
    def pair(self) -> tuple[str, str]:
        """The network and its parent."""
        return self.key, self.parent

    @property
    def images(self) -> str:
        """Which images these are."""
        return f"{self.distribution} under {self.noise} noise"


# By network and by what it is compared with: one control may serve several parents.
Draws = dict[tuple[str, str], Array]


def similarities(compared: Sequence[Compared], *, resamples: int = RESAMPLES, seed: int = 0) -> list[Row]:
    """Every metric per method, prune ratio and level; and how much closer than the separate network each one is."""
    rows: list[Row] = []
    for group in grouped(compared, lambda item: (item.images, item.levels)).values():
        for name in [name for name in METRICS if all(name in item.metrics for item in group)]:
            draws = _metric_draws(group, name, resamples=resamples, seed=seed)
            rows += _rows_of_metric(group, name, draws)
    return rows


def _metric_draws(group: Sequence[Compared], name: str, *, resamples: int, seed: int) -> Draws:
    """Means over images ``[levels, 1 + resamples]`` of one metric, by network."""
    sizes = sorted({item.metrics[name].shape[1] for item in group})
    if len(sizes) > 1:
        raise UsageError(
            f"networks compared on different images are mixed: {group[0].images} has {sizes} images"
        )
    columns = np.concatenate([item.metrics[name].T for item in group], axis=1)
    means = weighted_sums(columns, resamples=resamples, seed=seed, images=group[0].images) / sizes[0]
    return dict(zip((item.pair for item in group), np.split(means, len(group)), strict=True))


def _rows_of_metric(group: Sequence[Compared], name: str, draws: Draws) -> list[Row]:
    group = one_per_seed(group)
    controls = {item.seed: item for item in group if item.method == SEPARATE}
    rows: list[Row] = []
    for (method, _), items in grouped(group, lambda item: (item.method, item.rung)).items():
        flags = () if controls else (NO_CONTROL,)
        rows += _level_rows("similarity", name, items, [draws[item.pair] for item in items], flags)
        paired = [item for item in items if item.seed in controls and method != SEPARATE]
        if paired:
            differences = [
                _closer(name, draws[item.pair], draws[controls[item.seed].pair]) for item in paired
            ]
            rows += _level_rows("similarity-gain", name, paired, differences, ())
    return rows


def one_per_seed(group: Sequence[Compared]) -> list[Compared]:
    """The first network of each method, ratio and seed: a second control of one parent is not a second seed."""
    found: dict[tuple[str, float, int], Compared] = {}
    for item in group:
        found.setdefault((item.method, item.rung, item.seed), item)
    return list(found.values())


def _closer(name: str, own: Array, control: Array) -> Array:
    """How much closer to the parent than the control: positive is closer, whichever way the metric runs."""
    return own - control if METRICS[name].more_is_closer else control - own


def _level_rows(
    finding: str, name: str, items: Sequence[Compared], draws: Sequence[Array], flags: tuple[str, ...]
) -> list[Row]:
    metric = METRICS[name]
    bounds = metric.bounds if finding == "similarity" else (-np.inf, np.inf)
    stacked = np.stack(draws)
    return [
        row(
            finding,
            estimate(stacked[:, place], n=items[0].metrics[name].shape[1], bounds=bounds, flags=flags),
            unit=metric.unit,
            method=items[0].method,
            prune_ratio=float(np.mean([item.prune_ratio for item in items])),
            distribution=items[0].distribution,
            models=[item.key for item in items],
            seed_set=[item.seed for item in items],
            asked=items[0].rung,
            metric=name,
            level=level,
            noise=items[0].noise,
            parents=list(dict.fromkeys(item.parent for item in items)),
        )
        for place, level in enumerate(items[0].levels)
    ]


def noise_potentials(
    compared: Sequence[Compared], *, margin: float = MARGIN, resamples: int = RESAMPLES, seed: int = 0
) -> list[Row]:
    """The prune potential per method and noise level, from the errors on the noisy images (PAPER 2.4)."""
    curves = list(_noise_curves(compared))
    levels = {curve.distribution: level for level, curve in curves}
    lineages = resample((curve for _, curve in curves), resamples=resamples, seed=seed)
    rows = potentials(lineages, margin=margin)
    return [each | {"finding": "noise-potential", "level": levels[each["distribution"]]} for each in rows]


def _noise_curves(compared: Sequence[Compared]) -> Iterator[tuple[float, Curve]]:
    """A prune curve per method, seed and level; the parent's error is what was measured beside each network."""
    pruned = [item for item in compared if item.method != SEPARATE and "reference_wrong" in item.metrics]
    for items in grouped(pruned, lambda item: (item.method, item.seed, item.images)).values():
        first = items[0]
        for place, level in enumerate(first.levels):
            yield (
                level,
                Curve(
                    method=first.method,
                    seed=first.seed,
                    distribution=f"{first.distribution}+{first.noise}@{level:g}",
                    parent=first.parent,
                    parent_outcome=wrong(first.metrics["reference_wrong"][place]),
                    points=tuple(_point(item, place) for item in items),
                    images=first.images,
                ),
            )


def _point(item: Compared, place: int) -> Point:
    return Point(item.prune_ratio, item.key, wrong(item.metrics["wrong"][place]), item.asked)
