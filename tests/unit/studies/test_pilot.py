import pytest

from prunekit.analysis.power import Rates
from prunekit.errors import UsageError
from prunekit.params import ErrorParams
from prunekit.studies.pilot import pilots, planned_images


def test_a_pilot_counts_what_was_broken_and_fixed(study):
    """Of 40 images the parent has 4 wrong, the first ones; at 50 % 6 are: two more broken, none fixed."""
    for model, wrong in ((study.parent, 4), (study.half, 6)):
        study.outcome(model, "digits", wrong)
    (found,) = pilots(study.store, [study.half.key], between=0.01)
    assert found.rates == Rates(2 / 40, 0.0, 0.01)
    assert (found.n, found.distribution, found.parent) == (40, "digits", study.parent.key)


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
