"""How long the statistics of a report take: 40 networks x 20 distributions of 10,000 images, 10,000 resamples.

Prints a Markdown table of seconds, by the clock and of the processors, and the most memory: of the bootstrap alone,
and of every finding that outcomes carry, churn, classes and calibration included. Outcomes are made up, ten classes;
the distributions share their images, as the corruptions of one test set do.

    python benchmarks/bootstrap.py [--resamples 10000] [--images 10000] [--distributions 20] [--ratios 5] [--seeds 2]
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from measured import Measured, accepts_json, say
from prunekit.analysis.claims import judge
from prunekit.analysis.curves import Curve, Point, grouped, resample
from prunekit.analysis.outcome import outcome_of
from prunekit.analysis.paired import Arrays, Paired
from prunekit.analysis.rows import Row
from prunekit.analysis.variant import Variant
from prunekit.distribution import CORRUPTIONS
from prunekit.params import ReportParams
from prunekit.studies.findings import HIDDEN, Pairs, of_curves

CLASSES = 10
METHODS = {"wt": "weight", "sipp": "weight", "ft": "filter", "pfp": "filter"}


def main() -> None:
    """Time every part of a report's statistics."""
    sizes = _arguments()
    count = f"{sizes.seeds * sizes.ratios * len(METHODS)} networks, {sizes.distributions} distributions"
    title = f"{count}, {sizes.images:,} images, {sizes.resamples:,} resamples"
    say(rows(sizes, title), title, as_json=sizes.json)


def rows(sizes: argparse.Namespace, title: str) -> Iterator[Measured]:
    """The processor's seconds of each part, of all together, and the most memory."""
    pairs = _study(sizes, np.random.default_rng(0))
    settings = ReportParams(resamples=sizes.resamples)
    found: list[Row] = []
    curves = partial(resample, _curves(pairs), resamples=sizes.resamples)
    held = Pairs(pairs, tuple(map(str, range(CLASSES))), settings, {})
    parts: dict[str, Callable[[], list[Row]]] = {
        "draws of every error, curves, potentials, methods, excess": lambda: of_curves(curves(), settings),
        **{name: partial(finding, held) for name, finding in HIDDEN.items()},
        "claims": lambda: judge(found).rows,
    }
    begun, spent = time.perf_counter(), 0.0
    for name, part in parts.items():
        before, used = len(found), time.process_time()
        found += part()
        took = time.process_time() - used
        spent += took
        yield Measured(f"findings: {name}, {len(found) - before:,} rows", took, "processor s")
    yield Measured(f"findings: all of {title}", spent, "processor s", goal="≤ 15 s by the clock")
    yield Measured("the same by the clock", time.perf_counter() - begun, "s", goal="≤ 15")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    yield Measured("its most memory", memory, "GB", goal="≤ 2")


def _study(sizes: argparse.Namespace, rng: np.random.Generator) -> list[Paired]:
    """Networks of four methods whose errors rise with the ratio, beside their unpruned parents."""
    labels = rng.integers(CLASSES, size=sizes.images).astype(np.int16)
    grid = [round(1 - 0.5 ** (1 + step), 4) for step in range(sizes.ratios)]
    names = ["cifar10", *(f"cifar10+{name}@3" for name in CORRUPTIONS)][: sizes.distributions]
    found = []
    for place, name in enumerate(names):
        hard = rng.standard_normal(sizes.images)
        for seed in range(sizes.seeds):
            parent = _outcomes(hard, labels, -1.5 + 0.05 * place, rng)
            for method, structure in METHODS.items():
                variant = Variant(method=method, structure=structure, dataset="cifar10", arch="resnet20")
                for ratio in grid:
                    own = _outcomes(hard, labels, -1.5 + 0.05 * place + 0.3 * ratio**6, rng)
                    key = f"{method}-{seed}-{ratio}"
                    found.append(
                        Paired(variant, seed, ratio, key, f"parent-{seed}", name, own, parent, ratio)
                    )
    return found


def _outcomes(hard: np.ndarray, labels: np.ndarray, ability: float, rng: np.random.Generator) -> Arrays:
    off = 0.9 * hard + 0.45 * rng.standard_normal(len(hard)) + ability
    wrong = off > 0
    return {
        "label": labels,
        "rank": wrong.astype(np.int32),
        "predicted": ((labels + wrong) % CLASSES).astype(np.int16),
        "loss": np.log1p(np.exp(2 * off)).astype(np.float32),
        "confidence": np.clip(1 / (1 + np.exp(-2 * np.abs(off))), 0, 1).astype(np.float32),
    }


def _curves(pairs: list[Paired]) -> list[Curve]:
    """The prune curves of the same networks."""
    outcomes = {id(arrays): outcome_of(arrays) for pair in pairs for arrays in (pair.own, pair.reference)}
    return [
        Curve(
            *(first.variant, first.seed, first.distribution, first.parent, outcomes[id(first.reference)]),
            points=tuple(
                Point(each.prune_ratio, each.key, outcomes[id(each.own)], each.asked) for each in members
            ),
            chance=1 - 1 / CLASSES,
        )
        for members in grouped(pairs, lambda pair: (pair.variant, pair.seed, pair.distribution)).values()
        for first in members[:1]
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sizes = {"resamples": 10_000, "images": 10_000, "distributions": 20, "ratios": 5, "seeds": 2}
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    accepts_json(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
