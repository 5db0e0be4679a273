"""Mean corruption error: the error under each corruption, over its severities, relative to a reference network's.

Hendrycks & Dietterich 2019 divide by AlexNet's error on ImageNet-C; elsewhere the reference is the unpruned parent,
so that 1 means that pruning cost nothing under corruption.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from prunekit.analysis.curves import ResampledCurve, Unit, grouped, seed_of, units_of
from prunekit.analysis.flags import Flag
from prunekit.analysis.outcome import Array
from prunekit.analysis.resample import estimate
from prunekit.analysis.rows import Row, role_at, row
from prunekit.distribution import SEVERITIES, parse

# AlexNet's mean error over the five severities of ImageNet-C, from the table of error rates published with it.
ALEXNET = {
    "gaussian_noise": 0.886428,
    "shot_noise": 0.894468,
    "impulse_noise": 0.922640,
    "defocus_blur": 0.819880,
    "glass_blur": 0.826268,
    "motion_blur": 0.785948,
    "zoom_blur": 0.798360,
    "snow": 0.866816,
    "frost": 0.826572,
    "fog": 0.819324,
    "brightness": 0.564592,
    "contrast": 0.853204,
    "elastic_transform": 0.646056,
    "pixelate": 0.717840,
    "jpeg_compression": 0.606500,
}
IMAGENET_C = "imagenet-c"
OF_ALEXNET = "AlexNet on ImageNet-C"
OF_PARENT = "the unpruned parent"


def corruption_errors(curves: Sequence[ResampledCurve]) -> list[Row]:
    """Mean corruption error per variant, corrupted set and prune ratio, including the unpruned parent at ratio 0."""
    rows: list[Row] = []
    corrupted = [curve for curve in curves if parse(curve.distribution).corruption]
    for (_, base), group in grouped(corrupted, lambda each: (each.variant, _base(each.distribution))).items():
        units = units_of(group)
        shared = set.intersection(*(set(unit) for unit in units))
        corruptions = _by_corruption(base, sorted(shared))
        if corruptions:
            rows += _rows(base, units, corruptions)
    return rows


def _base(distribution: str) -> str:
    parts = parse(distribution)
    return str(parts._replace(corruption=None, severity=0, published=False))


def _by_corruption(base: str, distributions: Sequence[str]) -> dict[str, list[str]]:
    """The distributions of each corruption; for ImageNet-C, only of corruptions that have a denominator."""
    found = grouped(distributions, lambda name: str(parse(name).corruption))
    return {name: each for name, each in found.items() if base != IMAGENET_C or name in ALEXNET}


def _rows(base: str, units: list[Unit], corruptions: Mapping[str, list[str]]) -> list[Row]:
    names = [name for each in corruptions.values() for name in each]
    rungs = set.intersection(*(set(unit[name].rungs) for unit in units for name in names))
    return [_row(base, units, corruptions, rung) for rung in (0.0, *sorted(rungs))]


def _row(base: str, units: list[Unit], corruptions: Mapping[str, list[str]], rung: float) -> Row:
    names = [name for each in corruptions.values() for name in each]
    keys = {unit[names[0]].at(rung).key: unit for unit in reversed(units)}
    held = list(reversed(keys.values()))
    models = [unit[names[0]].at(rung) for unit in held]
    draws = np.stack([_relative_error(unit, corruptions, rung, base) for unit in held])
    seeds, n = [seed_of(unit) for unit in held], held[0][names[0]].n
    flags = _flags(base, corruptions)
    return row(
        "mce",
        estimate(draws, n=n, seeds=seeds, bounds=(0.0, np.inf), flags=flags),
        unit="ratio of errors",
        variant=held[0][names[0]].variant,
        role=role_at(rung),
        prune_ratio=float(np.mean([model.prune_ratio for model in models])),
        distribution=base,
        models=[model.key for model in models],
        seed_set=seeds,
        asked=rung,
        relative_to=OF_ALEXNET if base == IMAGENET_C else OF_PARENT,
        distributions=names,
    )


def _relative_error(own: Unit, corruptions: Mapping[str, list[str]], rung: float, base: str) -> Array:
    """The mean over corruptions of the error over severities, divided by the reference's, ``[1 + resamples]``."""
    shares = []
    for corruption, names in corruptions.items():
        errors = np.mean([own[name].at(rung).errors for name in names], axis=0)
        parent = np.mean([own[name].parent for name in names], axis=0)
        reference = np.full(len(parent), ALEXNET[corruption]) if base == IMAGENET_C else parent
        known = reference > 0
        shares.append(np.divide(errors, reference, out=np.full(len(parent), np.nan), where=known))
    return np.asarray(np.mean(shares, axis=0))


def _flags(base: str, corruptions: Mapping[str, list[str]]) -> tuple[Flag, ...]:
    missing = {
        Flag.NOT_ALL_CORRUPTIONS: base == IMAGENET_C and len(corruptions) < len(ALEXNET),
        Flag.NOT_ALL_SEVERITIES: any(len(names) < len(SEVERITIES) for names in corruptions.values()),
    }
    return tuple(flag for flag, applies in missing.items() if applies)
