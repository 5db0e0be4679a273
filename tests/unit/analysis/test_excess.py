import numpy as np
import pytest

from prunekit.analysis.curves import Curve, Point, resample
from prunekit.analysis.excess import excess_of, fit, moments_of, slope_draws
from prunekit.analysis.made_up import PAIRED
from prunekit.analysis.outcome import wrong
from prunekit.analysis.variant import Variant

RNG = np.random.default_rng(1)


def curves(keys_of_shifted=("a", "b")):
    found = [
        Curve(
            Variant(method="wt"),
            0,
            name,
            "parent",
            wrong(RNG.random(80) < 0.2),
            tuple(
                Point(ratio, key, wrong(RNG.random(80) < 0.3))
                for ratio, key in ((0.4, "a"), (0.8, "b"))
                if key in keys
            ),
        )
        for name, keys in (("digits", ("a", "b")), ("digits+fog@3", keys_of_shifted))
    ]
    return resample(found, resamples=30)


def unit(*found):
    return {curve.distribution: curve for curve in found}


def test_the_difference_is_excess_of_the_pruned_less_excess_of_the_parent_in_every_resample():
    nominal, fog = curves()
    found = excess_of(unit(nominal, fog), {"digits+fog@3": 1.0}, {"digits": 1.0})
    expected = (fog.errors - nominal.errors) - (fog.parent - nominal.parent)[:, None]
    assert found.draws == pytest.approx(expected)


def test_a_model_that_one_distribution_lacks_is_left_out():
    nominal, fog = curves(keys_of_shifted=("b",))
    found = excess_of(unit(nominal, fog), {"digits+fog@3": 1.0}, {"digits": 1.0})
    assert (found.keys, found.ratios.tolist(), found.draws.shape) == (("b",), [0.8], (31, 1))


def test_the_slope_is_the_least_squares_one():
    ratios, excess = np.array([0.3, 0.6, 0.9]), RNG.normal(size=(5, 3))
    expected = [np.linalg.lstsq(ratios[:, None], row, rcond=None)[0][0] for row in excess]
    assert slope_draws(ratios, excess) == pytest.approx(expected)


def test_what_images_add_makes_up_the_difference():
    nominal, fog = curves()
    found = excess_of(unit(nominal, fog), {"digits+fog@3": 1.0}, {"digits": 1.0})
    (values,) = found.values.values()
    assert values.mean(axis=1) == pytest.approx(found.draws[0])


def test_different_test_images_are_kept_apart():
    nominal, fog = curves()
    other = fog._replace(images="others")
    found = excess_of(unit(nominal, other), {"digits+fog@3": 1.0}, {"digits": 1.0})
    assert sorted(found.values) == ["digits:test", "others"]
    both = moments_of([found], [np.array([1.0, 0.0])], PAIRED)
    assert both.means == pytest.approx([found.draws[0, 0]])


def test_r_squared_of_a_line_through_the_origin_by_hand():
    # The slope of 1, 4 on 1, 2 is 9 / 5; 81 / 5 of the sum of squares 17 are explained.
    assert fit(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == pytest.approx(81 / 5 / 17)
    assert fit(np.array([1.0, 2.0]), np.zeros(2)) is None
