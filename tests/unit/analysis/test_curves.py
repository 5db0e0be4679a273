import numpy as np
import pytest

from prunekit.analysis.curves import Curve, Point, images_of, resample, units_of
from prunekit.analysis.outcome import wrong
from prunekit.analysis.variant import Variant
from prunekit.errors import UsageError

WT = Variant(method="wt")
RNG = np.random.default_rng(0)


def some(n: int = 60) -> object:
    return wrong(RNG.random(n) < 0.3)


@pytest.mark.parametrize(
    ("distribution", "images"),
    [
        ("digits", "digits:test"),
        ("digits+fog@3", "digits:test"),
        ("digits+uniform@0.1", "digits:test"),
        ("digits:valid", "digits:valid"),
        ("cifar10-c/fog@3", "cifar10:test"),
        ("cifar10.1", "cifar10.1:test"),
    ],
)
def test_corruptions_share_the_images_of_their_test_set(distribution, images):
    assert images_of(distribution) == images


def test_models_that_err_on_the_same_images_do_so_in_every_resample_of_every_distribution():
    same = some()
    curves = [
        Curve(WT, 0, name, "parent", same, (Point(0.5, "pruned", same),))
        for name in ("digits", "digits+fog@3")
    ]
    nominal, fog = resample(curves, resamples=50)
    assert np.array_equal(nominal.errors[:, 0], nominal.parent)
    assert np.array_equal(nominal.parent, fog.parent)


def test_other_images_are_drawn_independently():
    same = some()
    curves = [Curve(WT, 0, name, "parent", same, ()) for name in ("cifar10", "cifar10.1")]
    first, second = resample(curves, resamples=50)
    assert not np.array_equal(first.parent, second.parent)


def test_a_curve_is_sorted_by_its_ratios():
    points = (Point(0.9, "b", some()), Point(0.1, "a", some()))
    (curve,) = resample([Curve(WT, 0, "digits", "parent", some(), points)], resamples=5)
    assert curve.keys == ("a", "b")
    assert curve.errors[0].tolist() == [points[1].outcome.error, points[0].outcome.error]


def test_two_curves_of_one_variant_and_seed_are_refused():
    curve = Curve(WT, 0, "digits", "parent", some(), ())
    with pytest.raises(
        UsageError, match=r"two curves have the same variant \(wt\), seed 0 and repetition 0 on digits"
    ):
        units_of(resample([curve, curve._replace(parent="other")], resamples=5))


def test_the_rung_of_a_point_is_what_was_asked_for():
    assert Point(0.8012, "a", some(), asked=0.8).rung == 0.8
    assert Point(0.8012, "a", some()).rung == 0.8
