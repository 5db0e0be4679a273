import numpy as np
import pytest

from prunekit.analysis.curves import Curve, Point, resample
from prunekit.analysis.excess import excess_of, slope_draws
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


def test_the_difference_is_excess_of_the_pruned_less_excess_of_the_parent_in_every_resample():
    nominal, fog = curves()
    expected = (fog.errors - nominal.errors) - (fog.parent - nominal.parent)[:, None]
    assert excess_of(0, [fog], [nominal]).draws == pytest.approx(expected)


def test_a_model_that_one_distribution_lacks_is_left_out():
    nominal, fog = curves(keys_of_shifted=("b",))
    found = excess_of(0, [fog], [nominal])
    assert (found.keys, found.ratios.tolist(), found.draws.shape) == (("b",), [0.8], (31, 1))


def test_the_slope_is_the_least_squares_one():
    ratios, excess = np.array([0.3, 0.6, 0.9]), RNG.normal(size=(5, 3))
    expected = [np.linalg.lstsq(ratios[:, None], row, rcond=None)[0][0] for row in excess]
    assert slope_draws(ratios, excess) == pytest.approx(expected)
