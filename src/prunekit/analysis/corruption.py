"""Mean corruption error: the error under each corruption, over its severities, relative to a reference network's.

Hendrycks & Dietterich 2019 divide by AlexNet's error on ImageNet-C; elsewhere the reference is the unpruned parent,
so that 1 means that pruning cost nothing under corruption.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from prunekit.analysis.curves import Lineage, by_seed, grouped
from prunekit.analysis.outcome import Array
from prunekit.analysis.resample import estimate
from prunekit.analysis.rows import Row, row
from prunekit.distribution import SEVERITIES, parse

# AlexNet's mean error over the five severities of ImageNet-C (DATASETS 5.5).
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
NOT_ALL_CORRUPTIONS = "not all 15 corruptions of ImageNet-C"
NOT_ALL_SEVERITIES = "not all five severities of every corruption"


def corruption_errors(lineages: Sequence[Lineage]) -> list[Row]:
    """Mean corruption error per method, corrupted set and prune ratio, the unpruned parent at ratio 0 included."""
    rows: list[Row] = []
    corrupted = [lineage for lineage in lineages if parse(lineage.distribution).corruption]
    for (method, base), group in grouped(
        corrupted, lambda each: (each.method, _base(each.distribution))
    ).items():
        seeds = by_seed(group)
        shared = set.intersection(*(set(own) for own in seeds.values()))
        corruptions = _by_corruption(base, sorted(shared))
        if corruptions:
            rows += _rows(method, base, list(seeds.values()), corruptions)
    return rows


def _base(distribution: str) -> str:
    parts = parse(distribution)
    return str(parts._replace(corruption=None, severity=0, published=False))


def _by_corruption(base: str, distributions: Sequence[str]) -> dict[str, list[str]]:
    """The distributions of each corruption; of ImageNet-C, those that have a denominator."""
    found = grouped(distributions, lambda name: str(parse(name).corruption))
    return {name: each for name, each in found.items() if base != IMAGENET_C or name in ALEXNET}


def _rows(
    method: str, base: str, seeds: list[dict[str, Lineage]], corruptions: Mapping[str, list[str]]
) -> list[Row]:
    distributions = [name for each in corruptions.values() for name in each]
    lineages = [own[name] for own in seeds for name in distributions]
    rungs = set.intersection(*(set(lineage.rungs) for lineage in lineages))
    rows = []
    for rung in (0.0, *sorted(rungs)):
        models = [own[distributions[0]].at(rung) for own in seeds]
        draws = np.stack([_relative_error(own, corruptions, rung, base) for own in seeds])
        rows.append(
            row(
                "mce",
                estimate(draws, n=lineages[0].n, bounds=(0.0, np.inf), flags=_flags(base, corruptions)),
                unit="ratio of errors",
                method=method,
                prune_ratio=float(np.mean([model.prune_ratio for model in models])),
                distribution=base,
                models=[model.key for model in models],
                seed_set=[own[distributions[0]].seed for own in seeds],
                asked=rung,
                relative_to=OF_ALEXNET if base == IMAGENET_C else OF_PARENT,
                distributions=distributions,
            )
        )
    return rows


def _relative_error(
    own: Mapping[str, Lineage], corruptions: Mapping[str, list[str]], rung: float, base: str
) -> Array:
    """The mean over corruptions of the error over severities by the reference's, ``[1 + resamples]``."""
    shares = []
    for corruption, names in corruptions.items():
        errors = np.mean([own[name].at(rung).errors for name in names], axis=0)
        parent = np.mean([own[name].parent for name in names], axis=0)
        reference = np.full(len(parent), ALEXNET[corruption]) if base == IMAGENET_C else parent
        known = reference > 0
        shares.append(np.divide(errors, reference, out=np.full(len(parent), np.nan), where=known))
    return np.asarray(np.mean(shares, axis=0))


def _flags(base: str, corruptions: Mapping[str, list[str]]) -> tuple[str, ...]:
    missing = {
        NOT_ALL_CORRUPTIONS: base == IMAGENET_C and len(corruptions) < len(ALEXNET),
        NOT_ALL_SEVERITIES: any(len(names) < len(SEVERITIES) for names in corruptions.values()),
    }
    return tuple(flag for flag, applies in missing.items() if applies)
