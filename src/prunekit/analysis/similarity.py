"""How close networks are to a parent as functions, under noise of growing size.

Reads what was measured per level and image, averaged over draws; intervals resample the images, the same for all
networks of one measurement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from prunekit.analysis.controls import Pairs, gain_estimate, gains_of, pairs_estimate
from prunekit.analysis.curves import Curve, Point, grouped, resample, rung_of
from prunekit.analysis.estimate import Estimate
from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Array, wrong
from prunekit.analysis.potential import MARGIN
from prunekit.analysis.resample import RESAMPLES, estimate, weighted_sums
from prunekit.analysis.rows import Row, potentials, row
from prunekit.analysis.variant import UNPRUNED, Role, Variant
from prunekit.errors import UsageError


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


class Protocol(NamedTuple):
    """How networks were compared: what differs in any of it is not averaged, and has rows of its own."""

    distribution: str
    levels: tuple[float, ...]
    noise: str = "uniform"
    space: str = "normalised"
    clip: bool = False
    images: int = 0
    draws: int = 0
    seed: int = 0

    @property
    def name(self) -> str:
        """Which images these are."""
        return f"{self.distribution} under {self.noise} noise"

    def columns(self) -> dict[str, Any]:
        """The columns that say how noise was drawn."""
        return {"noise": self.noise, "space": self.space, "clip": self.clip, "draws": self.draws}


class Compared(NamedTuple):
    """One network compared with ``parent`` on noisy images: ``metrics`` are ``[levels, n]``, averaged over draws.

    ``seed`` is that of the network's own root, ``parent_variant`` what it is compared with, ``own`` whether that is its
    root. Networks of one protocol saw the same images in the same order.
    """

    variant: Variant
    seed: int
    prune_ratio: float
    key: str
    parent: str
    protocol: Protocol
    metrics: Mapping[str, Array]
    parent_variant: Variant = Variant(Role.PARENT)
    parent_seed: int = 0
    own: bool = True
    asked: float | None = None
    repetition: int = 0

    @property
    def rung(self) -> float:
        """Its place on the grid."""
        return rung_of(self.prune_ratio, self.asked)

    @property
    def pair(self) -> tuple[str, str]:
        """The network and its parent."""
        return self.key, self.parent


# By network and by what it is compared with: one control may serve several parents.
Draws = dict[tuple[str, str], Array]


def similarities(compared: Sequence[Compared], *, resamples: int = RESAMPLES, seed: int = 0) -> list[Row]:
    """Every metric per variant, prune ratio and level; and how much closer than separate networks each one is."""
    rows: list[Row] = []
    for group in grouped(compared, lambda item: item.protocol).values():
        for name in [name for name in METRICS if all(name in item.metrics for item in group)]:
            draws = _metric_draws(group, name, resamples=resamples, seed=seed)
            rows += _rows_of_metric(group, name, draws)
    return rows


def _metric_draws(group: Sequence[Compared], name: str, *, resamples: int, seed: int) -> Draws:
    """Means over images ``[levels, 1 + resamples]`` of one metric, by network."""
    images = group[0].protocol.name
    sizes = sorted({item.metrics[name].shape[1] for item in group})
    if len(sizes) > 1:
        raise UsageError(f"networks compared on different images are mixed: {images} has {sizes} images")
    columns = np.concatenate([item.metrics[name].T for item in group], axis=1)
    means = weighted_sums(columns, resamples=resamples, seed=seed, images=images) / sizes[0]
    return dict(zip((item.pair for item in group), np.split(means, len(group)), strict=True))


def _rows_of_metric(group: Sequence[Compared], name: str, draws: Draws) -> list[Row]:
    group = list({(item.variant, item.pair): item for item in group}.values())
    separate = [item for item in group if item.variant.role == Role.SEPARATE]
    others = [item for item in group if item.variant.role != Role.SEPARATE]
    controls = grouped(separate, lambda item: (item.variant, item.parent_variant))
    flags = () if separate else (Flag.NO_CONTROL,)
    rows: list[Row] = []
    for items in grouped(others, _identity).values():
        rows += _own_rows(name, items, draws, flags)
        for (variant, of), control in controls.items():
            if of == items[0].parent_variant:
                rows += _gain_rows(name, items, control, draws, variant)
    return rows + [each for items in controls.values() for each in _control_rows(name, items, draws)]


def _identity(item: Compared) -> tuple[Variant, float, Variant, bool]:
    """What rows average over seeds: one variant at one ratio, compared with its own roots or with other networks."""
    return item.variant, item.rung, item.parent_variant, item.own


def _own_rows(name: str, items: Sequence[Compared], draws: Draws, flags: tuple[Flag, ...]) -> Iterator[Row]:
    seeds, bounds = [item.seed for item in items], METRICS[name].bounds
    stacked = np.stack([draws[item.pair] for item in items])
    for place in range(stacked.shape[1]):
        found = estimate(stacked[:, place], n=_images(items, name), seeds=seeds, bounds=bounds, flags=flags)
        yield _row("similarity", name, items, place, found)


def _control_rows(name: str, items: Sequence[Compared], draws: Draws) -> Iterator[Row]:
    n, bounds = _images(items, name), METRICS[name].bounds
    for place in range(len(items[0].protocol.levels)):
        found = pairs_estimate(_pairs(items, draws, place), n=n, bounds=bounds, flags=())
        yield _row("similarity", name, items, place, found)


def _gain_rows(
    name: str, items: Sequence[Compared], control: Sequence[Compared], draws: Draws, variant: Variant
) -> Iterator[Row]:
    sign = 1.0 if METRICS[name].more_is_closer else -1.0
    for place in range(len(items[0].protocol.levels)):
        pairs = {pair: sign * each for pair, each in _pairs(control, draws, place).items()}
        own = {parent: sign * each for parent, each in _by_parent(items, draws, place).items()}
        held = [item for item in items if item.parent in gains_of(own, pairs)]
        if held:
            repetitions = max(Counter(item.parent for item in held).values())
            found = gain_estimate(own, pairs, n=_images(items, name)).averaging(repetitions)
            yield _row("similarity-gain", name, held, place, found) | {"control": variant.id}


def _pairs(items: Sequence[Compared], draws: Draws, place: int) -> Pairs:
    """What every two networks show of each other at one level: the mean of both directions where both were measured."""
    groups = grouped(items, lambda item: frozenset(item.pair))
    return {
        pair: np.mean([draws[item.pair][place] for item in members], axis=0)
        for pair, members in groups.items()
    }


def _by_parent(items: Sequence[Compared], draws: Draws, place: int) -> dict[str, Array]:
    """What the pruned networks of each parent show at one level, the mean over repetitions."""
    return {
        parent: np.mean([draws[item.pair][place] for item in members], axis=0)
        for parent, members in grouped(items, lambda item: item.parent).items()
    }


def _images(items: Sequence[Compared], name: str) -> int:
    return int(items[0].metrics[name].shape[1])


def _row(finding: str, name: str, items: Sequence[Compared], place: int, found: Estimate) -> Row:
    first, protocol = items[0], items[0].protocol
    return row(
        finding,
        found,
        unit=METRICS[name].unit,
        variant=first.variant,
        prune_ratio=float(np.mean([item.prune_ratio for item in items])),
        distribution=protocol.distribution,
        models=[item.key for item in items],
        seed_set=[item.seed for item in items],
        asked=first.rung,
        metric=name,
        level=protocol.levels[place],
        **protocol.columns(),
        parents=list(dict.fromkeys(item.parent for item in items)),
    )


def noise_potentials(
    compared: Sequence[Compared], *, margin: float = MARGIN, resamples: int = RESAMPLES, seed: int = 0
) -> list[Row]:
    """The prune potential per variant and noise level, from the errors on the noisy images."""
    rows: list[Row] = []
    pruned = [
        item for item in compared if item.variant.role not in UNPRUNED and "reference_wrong" in item.metrics
    ]
    for protocol, items in grouped((item for item in pruned if item.own), lambda item: item.protocol).items():
        for place, level in enumerate(protocol.levels):
            curves = resample(_noise_curves(items, place), resamples=resamples, seed=seed)
            more = {"level": level, **protocol.columns()}
            rows += [
                each | {"finding": "noise-potential", **more} for each in potentials(curves, margin=margin)
            ]
    return rows


def _noise_curves(items: Sequence[Compared], place: int) -> Iterator[Curve]:
    """A prune curve per variant, seed and repetition; the parent's error was measured beside each network's."""
    for group in grouped(items, lambda item: (item.variant, item.seed, item.repetition)).values():
        first, protocol = group[0], group[0].protocol
        yield Curve(
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
