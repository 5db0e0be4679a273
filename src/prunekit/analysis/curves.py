"""Prune curves: the outcomes of one variant's networks on one distribution, and on every resample of its images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from prunekit.analysis.outcome import Array, Outcome
from prunekit.analysis.resample import RESAMPLES, resampled_errors
from prunekit.analysis.variant import Variant
from prunekit.distribution import parse
from prunekit.errors import UsageError

Item = TypeVar("Item")
Group = TypeVar("Group")


def rung_of(prune_ratio: float, asked: float | None) -> float:
    """The ratio at which networks of different seeds are compared: the asked one, else the achieved to two decimals."""
    return round(prune_ratio, 2) if asked is None else asked


class Point(NamedTuple):
    """One pruned model of a curve: its achieved prune ratio, its key, its outcome; ``asked`` is the grid's ratio.

    ``control`` is the key and outcome of the network it is judged against, if that is not the curve's parent.
    """

    prune_ratio: float
    key: str
    outcome: Outcome
    asked: float | None = None
    control: tuple[str, Outcome] | None = None

    @property
    def rung(self) -> float:
        """Its place on the grid."""
        return rung_of(self.prune_ratio, self.asked)


class Curve(NamedTuple):
    """The networks of one variant and seed on one distribution, with the unpruned parent they are judged against.

    ``repetition`` distinguishes networks of one variant, seed and rung, which differ in seeds of pruning or retraining.
    ``images`` names the test images where the distribution's name does not: curves with equal ``images`` hold the same
    images in the same order, and are resampled together. ``chance`` is the error of guessing.
    """

    variant: Variant
    seed: int
    distribution: str
    parent: str
    parent_outcome: Outcome
    points: tuple[Point, ...]
    images: str = ""
    repetition: int = 0
    chance: float | None = None


class Model(NamedTuple):
    """One model of a resampled curve: ``errors`` is ``[1 + resamples]``."""

    key: str
    prune_ratio: float
    errors: Array
    outcome: Outcome


class ResampledCurve(NamedTuple):
    """One curve after resampling: errors ``[1 + resamples, points]`` by rising ratio, the sample in row 0.

    ``controls`` are the networks that the points are judged against; empty if that is the parent.
    """

    variant: Variant
    seed: int
    repetition: int
    distribution: str
    keys: tuple[str, ...]
    parent_key: str
    ratios: Array
    rungs: tuple[float, ...]
    errors: Array
    parent: Array
    n: int
    outcomes: tuple[Outcome, ...]
    parent_outcome: Outcome
    images: str
    chance: float | None = None
    controls: tuple[Model, ...] = ()

    def has(self, rung: float) -> bool:
        """Whether the curve holds this ratio of the grid; every curve holds 0, the unpruned parent."""
        return rung == 0 or rung in self.rungs

    def at(self, rung: float) -> Model:
        """The model at a ratio of the grid that the curve holds."""
        if rung == 0:
            return Model(self.parent_key, 0.0, self.parent, self.parent_outcome)
        place = self.rungs.index(rung)
        return Model(self.keys[place], float(self.ratios[place]), self.errors[:, place], self.outcomes[place])

    def base(self, rung: float) -> Model:
        """What the model at a ratio of the grid is judged against: its control, else the unpruned parent."""
        return self.controls[self.rungs.index(rung)] if rung and self.controls else self.at(0)

    @property
    def bases(self) -> Array:
        """The errors that the points are judged against: ``[1 + resamples, points]``, or one column for all of them."""
        return np.stack([each.errors for each in self.controls]).T if self.controls else self.parent[:, None]

    def rise(self, rung: float) -> Array:
        """What each image contributes to the rise in error at a ratio of the grid, ``[n]``; their mean is the rise."""
        own, base = self.at(rung).outcome.per_image, self.base(rung).outcome.per_image
        return np.asarray(own.astype(np.float64) - base)


def images_of(distribution: str) -> str:
    """Which test images a distribution is made of: corruptions of one test set share its images, in its order.

    A published set such as cifar10-c holds the images of cifar10; cifar10.1 holds others.
    """
    parts = parse(distribution)
    dataset = parts.dataset.removesuffix("-c") if parts.published else parts.dataset
    return f"{dataset}:{parts.split}"


def resample(curves: Iterable[Curve], *, resamples: int = RESAMPLES, seed: int = 0) -> list[ResampledCurve]:
    """Resample the images of every curve, paired: the same draws for all models and distributions that share them."""
    curves = list(curves)
    errors: dict[tuple[str, str], Array] = {}
    for images in dict.fromkeys(map(_images, curves)):
        outcomes: dict[tuple[str, str], Outcome] = {}
        for curve in curves:
            if _images(curve) == images:
                outcomes |= _outcomes(curve)
        errors |= resampled_errors(outcomes, resamples=resamples, seed=seed, images=images)
    return [_resampled(curve, errors) for curve in curves]


def _images(curve: Curve) -> str:
    return curve.images or images_of(curve.distribution)


def _outcomes(curve: Curve) -> dict[tuple[str, str], Outcome]:
    models = [(curve.parent, curve.parent_outcome), *((point.key, point.outcome) for point in curve.points)]
    models += [point.control for point in curve.points if point.control]
    return {(curve.distribution, key): outcome for key, outcome in models}


def _resampled(curve: Curve, errors: dict[tuple[str, str], Array]) -> ResampledCurve:
    points = sorted(curve.points, key=lambda point: (point.prune_ratio, point.key))
    own = [errors[curve.distribution, point.key] for point in points]
    parent = errors[curve.distribution, curve.parent]
    return ResampledCurve(
        variant=curve.variant,
        seed=curve.seed,
        repetition=curve.repetition,
        distribution=curve.distribution,
        keys=tuple(point.key for point in points),
        parent_key=curve.parent,
        ratios=np.array([point.prune_ratio for point in points]),
        rungs=tuple(point.rung for point in points),
        errors=np.stack(own).T if own else np.empty((len(parent), 0)),
        parent=parent,
        n=curve.parent_outcome.n,
        outcomes=tuple(point.outcome for point in points),
        parent_outcome=curve.parent_outcome,
        images=_images(curve),
        chance=curve.chance,
        controls=_controls(curve, points, errors),
    )


def _controls(
    curve: Curve, points: Sequence[Point], errors: dict[tuple[str, str], Array]
) -> tuple[Model, ...]:
    found = [point.control or (curve.parent, curve.parent_outcome) for point in points]
    if not any(point.control for point in points):
        return ()
    return tuple(Model(key, 0.0, errors[curve.distribution, key], outcome) for key, outcome in found)


def grouped(items: Iterable[Item], key: Callable[[Item], Group]) -> dict[Group, list[Item]]:
    """Items grouped by ``key``; groups and their items keep the order of first appearance."""
    groups: dict[Group, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


# The networks of one variant that share a seed and a repetition, by distribution.
Unit = dict[str, ResampledCurve]


def units_of(curves: Iterable[ResampledCurve]) -> list[Unit]:
    """The curves of one variant by seed and repetition, in that order; UsageError if a distribution occurs twice."""
    found: dict[tuple[int, int], Unit] = {}
    for curve in sorted(curves, key=lambda curve: (curve.seed, curve.repetition)):
        unit = found.setdefault((curve.seed, curve.repetition), {})
        if curve.distribution in unit:
            raise UsageError(
                f"two curves have the same variant ({curve.variant.method}), seed {curve.seed} and "
                f"repetition {curve.repetition} on {curve.distribution}: name only the models of one of "
                "them"
            )
        unit[curve.distribution] = curve
    return list(found.values())


def seed_of(unit: Unit) -> int:
    """The seed of a unit's unpruned parent."""
    return next(iter(unit.values())).seed


def seeds_of(items: Iterable[ResampledCurve]) -> list[int]:
    """The seed of every curve."""
    return [item.seed for item in items]


def distinct_at(curves: Sequence[ResampledCurve], rung: float) -> list[ResampledCurve]:
    """The curves that hold a ratio, one per network and base: repetitions may share their first rungs."""
    held = {
        (curve.at(rung).key, curve.base(rung).key): curve for curve in reversed(curves) if curve.has(rung)
    }
    return list(reversed(held.values()))
