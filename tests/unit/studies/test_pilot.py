import pytest

from prunekit.analysis.power import Rates
from prunekit.errors import UsageError
from prunekit.params import ErrorParams, TrainParams
from prunekit.studies.pilot import pilots, planned_images


def test_a_pilot_counts_what_was_broken_and_fixed(study):
    """Of 40 images the parent has 4 wrong, the first ones; at 50 % 6 are: two more broken, none fixed."""
    for model, wrong in ((study.parent, 4), (study.half, 6)):
        study.outcome(model, "digits", wrong)
    (found,) = pilots(study.store, [study.half.key], between=0.01)
    assert found.rates == Rates(2 / 40, 0.0, 0.01)
    assert (found.n, found.distribution, found.parent) == (40, "digits", study.parent.key)


def test_several_seeds_say_how_far_they_differ(study):
    """Rises of 1 and of 11 of 40 images: the variance between them is what their images do not explain."""
    other = study.model(TrainParams(arch="resnet8", dataset="digits", seed=5))
    pruned = study.pruned(other, 0.5)
    for model, wrong in ((study.parent, 4), (study.half, 5), (other, 4), (pruned, 15)):
        study.outcome(model, "digits", wrong)
    found = pilots(study.store, [study.half.key, pruned.key])
    assert [each.seeds for each in found] == [2, 2]
    assert found[0].rates.between == found[1].rates.between
    # Variance of 1/40 and 11/40, less half the variance of the ten images on which the two differ (3 are made up).
    own = (10 + 0) / 43 / 42 / 2 - (10 / 43) ** 2 / 42 / 2
    assert found[0].rates.between ** 2 == pytest.approx((10 / 40) ** 2 / 2 - own, rel=1e-6)
    (alone, _) = pilots(study.store, [study.half.key, pruned.key], between=0.0)
    assert alone.rates.between == 0


def test_a_pilot_that_was_not_measured_says_how_to(study):
    with pytest.raises(UsageError, match="has not been measured on digits; `prunekit potential"):
        pilots(study.store, [study.half.key])


def test_an_unpruned_network_is_no_pilot(study):
    with pytest.raises(UsageError, match="is not pruned"):
        pilots(study.store, [study.parent.key])


def test_the_images_of_a_plan_are_those_of_the_table():
    steps = [
        ErrorParams(model="m", distribution=name)
        for name in ("digits", "cifar10", "cifar10-c/fog@3", "cifar10.1", "folder:/none")
    ]
    assert planned_images(steps) == [359, 2000, 10_000]
