import pytest

from prunekit.errors import UsageError
from prunekit.recipes.select import Made, selected


def made(key, **chosen):
    return Made("train", key, key, "digits", 0.0, chosen)


PARENT = made("parent", seed=0, epochs=3, milestones=(1, 2))
WT, FT = made("wt", seed=0, method="wt", epochs=None), made("ft", seed=1, method="ft", epochs=None)


def keys(pools):
    return [[result.key for result in pool] for pool in pools]


def test_a_field_that_one_has_not_rules_it_not_out():
    assert keys(selected([[PARENT, WT, FT]], {"method": ("wt",)})) == [["parent", "wt"]]
    assert keys(selected([[PARENT], [WT, FT]], {"method": ("ft",), "seed": (0, 1)})) == [["parent"], ["ft"]]


def test_a_list_is_compared_as_steps_hold_it():
    assert keys(selected([[PARENT, WT]], {"milestones": ((1, 2),)})) == [["parent", "wt"]]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"metod": ("wt",)}, "unknown field in where 'metod'; did you mean 'method'?"),
        ({"block": (1,)}, "unknown field in where 'block'"),
        ({"method": ("wt", "sipp")}, "has 'sipp' (available: 'wt', 'ft')"),
        ({"epochs": (4,)}, "has 4 (available: 3, unset)"),
    ],
)
def test_a_condition_that_means_nothing_is_refused(where, message):
    with pytest.raises(UsageError) as caught:
        selected([[PARENT, WT, FT]], where)
    assert message in str(caught.value)


def test_a_distribution_is_compared_by_what_it_means():
    pool = [made("a", distribution="digits+uniform@0.1"), made("b", distribution="digits")]
    assert keys(selected([pool], {"distribution": ("digits:test+uniform@0.10",)})) == [["a"]]
