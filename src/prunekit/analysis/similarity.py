"""Functional similarity of networks to a parent, under noise of growing size.

The input is measured per level and image, averaged over draws. Intervals resample the images, in the same way for all
networks of one measurement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from prunekit.analysis.controls import Pairs, Valued, gain_values, gains_of, mean_gain, pair_values
from prunekit.analysis.curves import grouped, rung_of
from prunekit.analysis.estimate import Estimate
from prunekit.analysis.flags import Flag
from prunekit.analysis.made_up import MEASURED, PAIRED, SHARE
from prunekit.analysis.outcome import Array
from prunekit.analysis.resample import RESAMPLES, over_repetitions, weighted_sums
from prunekit.analysis.rises import number_of
from prunekit.analysis.rows import Row, row
from prunekit.analysis.sampled import Sampled, estimates, joint_draws, sampled
from prunekit.analysis.seeds import probit_scale
from prunekit.analysis.variant import Role, Variant
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
    """How networks were compared; those that differ in any of it are not averaged and have separate rows."""

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
        """The name of these images."""
        return f"{self.distribution} under {self.noise} noise"

    def columns(self) -> dict[str, Any]:
        """The columns that say how noise was drawn."""
        return {"noise": self.noise, "space": self.space, "clip": self.clip, "draws": self.draws}


class Compared(NamedTuple):
    """One network compared with ``parent`` on noisy images: ``metrics`` are ``[levels, n]``, averaged over draws.

    ``seed`` is that of the network's own root, ``parent_variant`` the variant it is compared with, ``own`` whether that
    network is its root. Networks of one protocol saw the same images in the same order.
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


# By network and the one it is compared with: one control may serve several parents.
Draws = dict[tuple[str, str], Array]
# The metrics that claims use: their rows have joint draws.
CLAIMED = ("agreement", "softmax_l2")


class Entry(NamedTuple):
    """A future row: its finding, metric, networks, level, sample and draws, and the control if it is a gain."""

    finding: str
    metric: str
    items: Sequence[Compared]
    place: int
    sample: Sampled
    images: Array | None = None
    control: Variant | None = None


def similarities(compared: Sequence[Compared], *, resamples: int = RESAMPLES, seed: int = 0) -> list[Row]:
    """Every metric per variant, prune ratio and level, and its gain over separate networks."""
    rows: list[Row] = []
    for group in grouped(compared, lambda item: item.protocol).values():
        _check_same_images(group)
        for name in [name for name in METRICS if all(name in item.metrics for item in group)]:
            draws = _metric_draws(group, name, resamples=resamples, seed=seed) if name in CLAIMED else None
            rows += _rows_of(_entries(group, name, draws))
    return rows


def _check_same_images(group: Sequence[Compared]) -> None:
    sizes = sorted(
        {metric.shape[1] for item in group for name, metric in item.metrics.items() if name in METRICS}
    )
    if len(sizes) > 1:
        raise UsageError(
            f"networks that were compared on different images are mixed: {group[0].protocol.name} has "
            f"{sizes} images"
        )


def _metric_draws(group: Sequence[Compared], name: str, *, resamples: int, seed: int) -> Draws:
    """Means over images ``[levels, 1 + resamples]`` of one metric, by network."""
    columns = np.concatenate([item.metrics[name].T for item in group], axis=1)
    sums = weighted_sums(columns, resamples=resamples, seed=seed, images=group[0].protocol.name, exact=False)
    return dict(zip((item.pair for item in group), np.split(sums / len(columns), len(group)), strict=True))


def _entries(group: Sequence[Compared], name: str, draws: Draws | None) -> list[Entry]:
    group = list({(item.variant, item.pair): item for item in group}.values())
    separate = [item for item in group if item.variant.role == Role.SEPARATE]
    others = [item for item in group if item.variant.role != Role.SEPARATE]
    controls = grouped(separate, lambda item: (item.variant, item.parent_variant))
    flags = () if separate else (Flag.NO_CONTROL,)
    levels = range(len(group[0].protocol.levels))
    found: list[Entry] = []
    for items in grouped(others, _identity).values():
        found += [_own(name, items, place, draws, flags) for place in levels]
        for (variant, of), control in controls.items():
            if of == items[0].parent_variant:
                gains = (_gain(name, items, control, place, draws, variant) for place in levels)
                found += [each for each in gains if each]
    return found + [_control(name, items, place) for items in controls.values() for place in levels]


def _identity(item: Compared) -> tuple[Variant, float, Variant, bool]:
    """What networks averaged in a row share: variant, ratio, parent's variant, and whether the parent is their root."""
    return item.variant, item.rung, item.parent_variant, item.own


def _own(
    name: str, items: Sequence[Compared], place: int, draws: Draws | None, flags: tuple[Flag, ...]
) -> Entry:
    values, seeds = np.stack([item.metrics[name][place] for item in items]), [item.seed for item in items]
    found = sampled(values, seeds, **_kind(name, values.mean()), bounds=METRICS[name].bounds, flags=flags)
    images = None
    if draws:
        images = over_repetitions(np.stack([draws[item.pair][place] for item in items]), seeds).mean(axis=0)
    return Entry("similarity", name, items, place, found, images)


def _kind(name: str, value: float) -> dict[str, Any]:
    """Shares get made-up images and show luck as errors do; distances get neither."""
    if METRICS[name].unit in ("share of predictions", "error"):
        return {"made_up": SHARE, "scale": float(probit_scale(value))}
    return {"made_up": MEASURED, "scale": 1.0}


def _control(name: str, items: Sequence[Compared], place: int) -> Entry:
    found = pair_values(_pairs(items, name, place))
    flags = (Flag.ONE_PAIR,) if found.pairs == 1 else ()
    kind = _kind(name, float(found.values.mean()))
    sample = sampled(found.values, range(len(found.values)), **kind, bounds=METRICS[name].bounds, flags=flags)
    return Entry("similarity", name, items, place, sample._replace(how=_how(found)))


def _gain(
    name: str,
    items: Sequence[Compared],
    control: Sequence[Compared],
    place: int,
    draws: Draws | None,
    variant: Variant,
) -> Entry | None:
    """The gain over the control; if that is one pair of networks, its luck is added as the study estimates it."""
    sign = 1.0 if METRICS[name].more_is_closer else -1.0
    pairs = {pair: sign * each for pair, each in _pairs(control, name, place).items()}
    own = {parent: sign * each for parent, each in _by_parent(items, name, place).items()}
    held = [item for item in items if item.parent in gains_of(own, pairs)]
    if not held:
        return None
    found = gain_values(own, pairs)
    kind = _kind(name, abs(float(np.mean(list(own.values())))))
    share = kind["made_up"] is SHARE
    sample = sampled(
        found.values, range(len(found.values)), made_up=PAIRED if share else MEASURED, scale=kind["scale"]
    )
    if found.pairs == 1 and len(found.values) > 1:
        sample = sample._replace(one_pair=True, flags=(Flag.ONE_PAIR,))
    images = _gain_draws(items, control, place, draws, sign) if draws else None
    repetitions = max(Counter(item.parent for item in held).values())
    sample = sample._replace(repetitions=repetitions, how=_how(found))
    return Entry("similarity-gain", name, held, place, sample, images, variant)


def _how(found: Valued) -> str:
    return "" if found.pairs else f"; jackknife over {len(found.values)} networks"


def _gain_draws(
    items: Sequence[Compared], control: Sequence[Compared], place: int, draws: Draws, sign: float
) -> Array:
    pairs = _merged(control, lambda item: sign * draws[item.pair][place])
    own = {
        parent: np.mean([sign * draws[item.pair][place] for item in members], axis=0)
        for parent, members in grouped(items, lambda item: item.parent).items()
    }
    return mean_gain(own, pairs)


def _pairs(items: Sequence[Compared], name: str, place: int) -> Pairs:
    """The metric of every two networks at one level, image by image."""
    return _merged(items, lambda item: item.metrics[name][place])


def _merged(items: Sequence[Compared], value: Callable[[Compared], Array]) -> Pairs:
    """By pair of networks, the mean of both directions where both were measured."""
    groups = grouped(items, lambda item: frozenset(item.pair))
    return {pair: np.mean([value(item) for item in members], axis=0) for pair, members in groups.items()}


def _by_parent(items: Sequence[Compared], name: str, place: int) -> dict[str, Array]:
    """The metric of each parent's pruned networks at one level, averaged over repetitions."""
    return {
        parent: np.mean([item.metrics[name][place] for item in members], axis=0)
        for parent, members in grouped(items, lambda item: item.parent).items()
    }


def _rows_of(entries: Sequence[Entry]) -> list[Row]:
    """The rows of one metric: similarities and gains are each judged together."""
    found: dict[int, Estimate] = {}
    for finding in ("similarity", "similarity-gain"):
        chosen = [place for place, each in enumerate(entries) if each.finding == finding]
        found |= dict(zip(chosen, estimates([entries[place].sample for place in chosen]), strict=True))
    return [_row(each, found[place]) for place, each in enumerate(entries)]


def _row(entry: Entry, found: Estimate) -> Row:
    items = entry.items
    first, protocol = items[0], items[0].protocol
    made = row(
        entry.finding,
        found,
        unit=METRICS[entry.metric].unit,
        variant=first.variant,
        prune_ratio=float(np.mean([item.prune_ratio for item in items])),
        distribution=protocol.distribution,
        models=[item.key for item in items],
        seed_set=[item.seed for item in items],
        asked=first.rung,
        metric=entry.metric,
        level=protocol.levels[entry.place],
        **protocol.columns(),
        parents=list(dict.fromkeys(item.parent for item in items)),
    )
    if entry.control:
        made["control"] = entry.control.id
    if entry.images is None:
        return made
    name = number_of(entry.finding, entry.metric, protocol, *map(str, _identity(first)), entry.place)
    return made.drawn(joint_draws(found, entry.images, name))
