"""A small study with known outcomes: two seeds, two methods, three distributions, three ratios."""

import numpy as np
import pytest

from prunekit.analysis.curves import Curve, Point, resample
from prunekit.analysis.features import Transfer
from prunekit.analysis.outcome import outcome_of
from prunekit.analysis.paired import Paired
from prunekit.analysis.similarity import Compared, Protocol
from prunekit.analysis.variant import Role, Variant

SEEDS, METHODS, GRID = (0, 1), ("wt", "ft"), (0.25, 0.5, 0.75)
SEPARATE = Role.SEPARATE
DISTRIBUTIONS = ("digits", "digits+fog@3", "digits+snow@3")
N, CLASSES = 90, 3


def of(method, **more):
    """The variant of networks pruned by a method on digits; a separate network for the name of the control."""
    if method == SEPARATE:
        return Variant(Role.SEPARATE, dataset="digits", **more)
    structures = {"wt": "weight", "sipp": "weight", "ft": "filter", "pfp": "filter"}
    return Variant(method=method, structure=structures.get(method), dataset="digits", **more)


def arrays(rng, error):
    label = np.arange(N) % CLASSES
    rank = (rng.random(N) < error).astype(int) * rng.integers(1, CLASSES, N)
    confidence = rng.uniform(0.4, 1, N)
    return {
        "label": label,
        "rank": rank,
        "predicted": (label + rank) % CLASSES,
        "confidence": confidence,
        "loss": -np.log(confidence),
    }


@pytest.fixture(scope="session")
def pairs():
    rng = np.random.default_rng(0)
    found = []
    for seed in SEEDS:
        for place, distribution in enumerate(DISTRIBUTIONS):
            reference = arrays(rng, 0.1 + 0.1 * place)
            found += [
                Paired(
                    of(method),
                    seed,
                    ratio + seed / 1000,
                    f"{method}-{seed}-{ratio}",
                    f"parent-{seed}",
                    distribution,
                    arrays(rng, 0.1 + 0.1 * place + ratio / 5),
                    reference,
                    ratio,
                )
                for method in METHODS
                for ratio in GRID
            ]
    return found


@pytest.fixture(scope="session")
def resampled(pairs):
    curves = {}
    for pair in pairs:
        point = Point(pair.prune_ratio, pair.key, outcome_of(pair.own), pair.asked)
        name = pair.variant, pair.seed, pair.distribution
        points = curves[name].points if name in curves else ()
        curves[name] = Curve(*name, pair.parent, outcome_of(pair.reference), (*points, point))
    return resample(curves.values(), resamples=100)


@pytest.fixture(scope="session")
def compared():
    rng = np.random.default_rng(1)
    names = ("agreement", "softmax_l2", "wrong", "reference_wrong")

    def one(method, seed, ratio):
        metrics = {name: rng.random((2, 40)) for name in names}
        return Compared(
            of(method),
            seed,
            ratio,
            f"{method}-{seed}-{ratio}",
            f"parent-{seed}",
            Protocol("digits", (0.0, 0.1)),
            metrics,
            asked=ratio,
        )

    return [one(method, seed, ratio) for seed in SEEDS for method in METHODS for ratio in GRID] + [
        one(SEPARATE, seed, 0.0) for seed in SEEDS
    ]


@pytest.fixture(scope="session")
def shown():
    rng = np.random.default_rng(2)
    kinds = (0.0, 0.5, SEPARATE)
    return [
        Transfer(
            of("wt"),
            seed,
            row,
            column,
            f"{row}-{seed}",
            f"{column}-{seed}",
            "digits",
            (0.1, 1.0),
            rng.random((30, 2)),
            of(SEPARATE) if SEPARATE in (row, column) else None,
        )
        for seed in SEEDS
        for row in kinds
        for column in kinds
    ]
