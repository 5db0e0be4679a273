"""Findings on numbers small enough to work by hand; the arithmetic is beside each."""

import numpy as np
import pytest

from prunekit.analysis.curve_rows import prune_curves
from prunekit.analysis.curves import Curve, Point, resample
from prunekit.analysis.excess_rows import excess_errors
from prunekit.analysis.outcome import wrong
from prunekit.analysis.potential import interpolated_draws, prune_potential
from prunekit.analysis.potentials import potentials
from prunekit.analysis.shifts import sets_among
from prunekit.analysis.summary import potential_summary
from prunekit.analysis.variant import Variant

WT = Variant(method="wt", structure="weight", dataset="digits")


def errors(count: int, n: int = 200) -> object:
    """``count`` wrong images of ``n``."""
    return wrong(np.arange(n) < count)


def curve(distribution: str, parent: int, counts: tuple[int, ...], seed: int = 0) -> Curve:
    grid = (0.2, 0.5, 0.8, 0.9)
    points = tuple(
        Point(ratio, f"{seed}-{ratio}", errors(count)) for ratio, count in zip(grid, counts, strict=True)
    )
    return Curve(WT, seed, distribution, f"parent-{seed}", errors(parent), points)


# Parent 20 of 200 wrong: 10 %. With the margin of half a percent 21 are allowed.
NOMINAL = curve("digits", 20, (19, 20, 21, 30))
# Parent 40 of 200: 41 are allowed. 0.5 fails, 0.8 passes, 0.9 fails.
FOG = curve("digits+fog@3", 40, (40, 42, 41, 60))
# Parent 60 of 200: nothing passes.
SNOW = curve("digits+snow@3", 60, (62, 64, 66, 90))
CURVES = resample([NOMINAL, FOG, SNOW], resamples=200)
SETS = sets_among(["digits", "digits+fog@3", "digits+snow@3"])


def by(rows, **where):
    (found,) = [row for row in rows if all(row[name] == value for name, value in where.items())]
    return found


def test_the_potential_is_the_largest_ratio_within_the_margin_even_beyond_one_that_fails():
    rows = potentials(CURVES)
    assert by(rows, distribution="digits")["value"] == 0.8
    assert by(rows, distribution="digits+fog@3")["value"] == 0.8
    assert by(rows, distribution="digits+snow@3")["value"] == 0.0


def test_the_margin_is_inclusive():
    assert prune_potential([(0.3, 0.105)], 0.1, 0.005) == 0.3
    assert prune_potential([(0.3, 0.1051)], 0.1, 0.005) == 0.0


def test_a_larger_margin_needs_no_new_measurement():
    # 10 points: 20 more wrong images are allowed: 40, 60 and 80.
    assert [row["value"] for row in potentials(CURVES, margin=0.1)] == [0.9, 0.9, 0.8]


def test_mean_and_minimum_potential_of_a_set():
    rows = [row for row in potential_summary(CURVES, SETS) if row["distribution"] == "shifted"]
    assert by(rows, finding="potential-mean")["value"] == 0.4
    assert by(rows, finding="potential-minimum")["value"] == 0.0


def test_interpolation_follows_the_straight_line_to_the_limit():
    # From (0.8, 0.105) to (0.9, 0.15): the limit 0.11 is (0.11 - 0.105) / 0.045 = 1/9 of the way.
    grid, curve_errors = np.array([0.8, 0.9]), np.array([[0.105, 0.15]])
    found = interpolated_draws(grid, curve_errors, np.array([0.1]), margin=0.01)
    assert found[0] == pytest.approx(0.8 + 0.1 / 9)


def test_the_curve_starts_at_the_parent_and_marks_what_is_commensurate():
    rows = [row for row in prune_curves(CURVES) if row["distribution"] == "digits"]
    assert [row["value"] for row in rows] == [0.1, 0.095, 0.1, 0.105, 0.15]
    assert [row["rise"] for row in rows] == [0.0, -0.005, 0.0, 0.005, 0.05]
    assert [row["commensurate"] for row in rows] == [True, True, True, True, False]


def test_the_difference_in_excess_error():
    # Rises in images: nominal -1, 0, 1, 10; fog 0, 2, 1, 20; snow 2, 4, 6, 30; mean shifted 1, 3, 3.5, 25.
    # Differences: 2, 3, 2.5, 15 of 200 images = 0.01, 0.015, 0.0125, 0.075.
    rows = excess_errors(CURVES, SETS)
    assert [row["value"] for row in rows if row["finding"] == "excess-error"] == [0.01, 0.015, 0.0125, 0.075]
    # Slope: (.2 x .01 + .5 x .015 + .8 x .0125 + .9 x .075) / (.04 + .25 + .64 + .81) = .087 / 1.74 = .05
    assert by(rows, finding="excess-slope")["value"] == 0.05


def test_several_seeds_are_averaged_after_each_is_judged_against_its_own_parent():
    # Seed 1: 0.2 is the last that passes. Mean of 0.8 and 0.2; sd = 0.6 / sqrt(2).
    second = curve("digits", 10, (11, 12, 13, 14), seed=1)
    (row,) = potentials(resample([NOMINAL, second], resamples=200))
    assert row["value"] == 0.5
    assert row["per_seed"] == [0.8, 0.2]
    assert row["sd"] == pytest.approx(0.6 / np.sqrt(2))
    assert (row["seeds"], row["seed_set"], row["n"]) == (2, [0, 1], 200)


def test_noise_that_pruned_and_parent_share_moves_the_error_but_not_the_rise():
    # The pruned model errs on exactly the parent's images and on no other: what is left are 1.5 images of either kind.
    same = Curve(WT, 0, "digits", "parent", errors(20), (Point(0.5, "pruned", errors(20)),))
    rows = prune_curves(resample([same], resamples=500))
    pruned = by(rows, prune_ratio=0.5)
    assert pruned["low"] < 0.1 < pruned["high"]
    assert pruned["rise_high"] == -pruned["rise_low"] == pytest.approx(1.97 * np.sqrt(3) / 203, rel=0.01)
