"""Robust and ordinary training side by side, on curves worked by hand."""

import numpy as np
import pytest

from prunekit.analysis.curves import Curve, Point, resample
from prunekit.analysis.outcome import wrong
from prunekit.analysis.potentials import potentials
from prunekit.analysis.robust import ordinary, robust_gains
from prunekit.analysis.shifts import sets_among
from prunekit.analysis.variant import Variant

N = 20


def curve(method, seed, distribution, *errors):
    """Networks pruned to 50 and 80 % with so many errors of 20; their parent has none."""
    key = f"{method}-{seed}"
    points = [
        Point(ratio, f"{key}-{ratio}", wrong(np.arange(N) < count), ratio)
        for ratio, count in zip((0.5, 0.8), errors, strict=True)
    ]
    name, _, robust = method.partition(" ")
    variant = Variant(method=name, dataset="digits", train_distribution="digits+mix1" if robust else None)
    return Curve(variant, seed, distribution, key, wrong(np.zeros(N, dtype=bool)), tuple(points))


def gains(*curves):
    sets = sets_among(curve.distribution for curve in curves)
    rows = robust_gains(resample(curves, resamples=100), sets, margin=0.1)
    return {row["distribution"]: row for row in rows}


def test_the_ordinary_variant_differs_in_robust_training_alone():
    robust = Variant(method="wt", arch="resnet8", train_distribution="digits+mix1")
    assert ordinary(robust) == Variant(method="wt", arch="resnet8")


def test_the_gain_by_hand():
    """Two errors of 20 are allowed. Nominal: 80 % both ways. Fog: 80 % with robust training, none without."""
    found = gains(
        curve("wt", 0, "digits", 0, 2),
        curve("wt robust", 0, "digits", 1, 1),
        curve("wt", 0, "digits+fog@3", 9, 20),
        curve("wt robust", 0, "digits+fog@3", 0, 0),
    )
    assert (found["digits"]["value"], found["digits+fog@3"]["value"]) == (0, pytest.approx(0.8))
    assert (found["digits+fog@3"]["robust"], found["digits+fog@3"]["other"]) == (pytest.approx(0.8), 0)
    assert found["nominal and shifted"]["value"] == pytest.approx(0.4)
    assert found["nominal and shifted"]["method"] == "wt"
    assert found["digits"]["train_distribution"] == "digits+mix1"
    assert found["digits"]["control"] == Variant(method="wt", dataset="digits").id


def test_seeds_that_both_have_are_paired():
    found = gains(
        *(curve("wt", seed, "digits", 9, 9) for seed in (0, 1)),
        *(curve("wt robust", seed, "digits", 0, 9) for seed in (1, 2)),
    )
    assert (found["digits"]["seed_set"], found["digits"]["value"]) == ([1], 0.5)


def test_nothing_to_set_side_by_side():
    plain, robust = curve("wt", 0, "digits", 0, 0), curve("ft robust", 0, "digits", 0, 0)
    assert gains(plain, robust) == {}
    assert gains(plain, curve("wt robust", 1, "digits", 0, 0)) == {}
    assert gains(plain, curve("wt robust", 0, "digits+fog@3", 0, 0)) == {}


def test_where_no_ratio_is_allowed_on_either_side_the_interval_holds_the_gain():
    """Up to nine errors of 20 against an allowed two: the potential of both is anything below 50 %."""
    curves = [
        curve(name, seed, "digits", 6 + seed, 8 + seed) for name in ("wt", "wt robust") for seed in (0, 1, 2)
    ]
    row = gains(*curves)["digits"]
    assert row["value"] == 0
    assert row["low"] < 0 < row["high"]


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_gain_has_the_ends_of_every_difference_on_joint_draws(seeds):
    """With what the ends of the grid leave open on either side."""
    kinds = {"wt": (1, 5), "wt robust": (0, 2)}
    curves = [curve(name, seed, "digits", *kinds[name]) for name in kinds for seed in range(seeds)]
    each = {
        row["train_distribution"]: row.draws
        for row in potentials(resample(curves, resamples=1000), margin=0.1)
    }
    sets = sets_among(["digits"])
    row = next(iter(robust_gains(resample(curves, resamples=1000), sets, margin=0.1)))
    ends = each["digits+mix1"].less(each[None]).ends()
    assert (row["low"], row["high"]) == pytest.approx(ends)
    assert row["interval"].endswith("outer ends")
