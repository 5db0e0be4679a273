import numpy as np
import pytest

from prunekit.analysis.joint import Contrast, Draws, Ruling, average, contrasts_of, known, settle

RNG = np.random.default_rng(0)


def drawn(value, spread=0.1, shared=0.0):
    return known(np.append(value, value + shared + spread * RNG.standard_normal(4000)))


def test_what_both_sides_share_cancels():
    shared = RNG.standard_normal(4000)
    more, less = drawn(0.5, 0.01, shared), drawn(0.4, 0.01, shared)
    low, high = more.less(less).ends()
    assert 0.05 < low < 0.1 < high < 0.15
    assert more.ends()[0] - less.ends()[1] < -2


def test_a_potential_that_is_bound_to_the_grid_is_open_where_the_grid_ends():
    capped = Draws(0.9, np.full(100, 0.9), np.full(100, 1.0), on_grid=True)
    floor = Draws(0.0, np.zeros(100), np.full(100, 0.5), on_grid=True)
    assert capped.less(floor).ends() == pytest.approx((0.4, 1.0))
    # Two floors: neither is known to be above the other.
    assert floor.less(floor).ends() == pytest.approx((-0.5, 0.5))
    assert floor.below(0.15).ends() == pytest.approx((-0.35, 0.15))
    assert capped.above(0.1).value == pytest.approx(0.8)


def test_a_claim_needs_every_group_of_its_evidence():
    found = contrasts_of([("weight", "wt", drawn(1.0)), ("weight", "sipp", drawn(2.0))])
    assert settle(found, ["weight"]).ruling is Ruling.HOLDS
    missing = settle(found, ["weight", "filter"])
    assert missing.ruling is Ruling.UNKNOWN
    assert missing.lacks == ("filter",)
    assert settle([], ["weight"]).lacks == ("weight",)


def test_one_contrast_that_is_surely_below_decides_against():
    found = contrasts_of([("g", "good", drawn(1.0)), ("g", "bad", drawn(-1.0)), ("g", "vague", drawn(-0.1))])
    settled = settle(found, ["g"])
    assert settled.ruling is Ruling.FAILS
    assert settled.decided_by.what == "bad"


def test_one_of_forty_that_is_below_by_chance_does_not():
    parts = [("g", f"{place}", drawn(0.0, 1.0)) for place in range(40)]
    parts[7] = ("g", "7", drawn(-2.2, 1.0))
    found = contrasts_of(parts)
    assert found[7].p_value < 0.025 < found[7].adjusted
    assert settle(found, ["g"]).ruling is Ruling.UNKNOWN


def test_a_tie_on_the_grid_says_neither():
    tie = Draws(0.0, np.zeros(100), np.zeros(100), on_grid=True)
    settled = settle(contrasts_of([("g", "tie", tie)]), ["g"])
    assert settled.ruling is Ruling.UNKNOWN


def test_the_average_may_be_known_where_its_parts_are_not():
    parts = [drawn(0.1, 0.1) for _ in range(50)]
    found = average(parts)
    assert found.low > 0
    assert any(each.ends()[0] < 0 for each in parts)
    assert average([]) is None


def test_the_deciding_contrast_of_a_claim_that_holds_is_its_weakest():
    strong, weak = (Contrast("g", name, 1.0, low, 2.0, 1.0, 1.0) for name, low in (("a", 0.5), ("b", 0.1)))
    assert settle([strong, weak], ["g"]).decided_by.what == "b"
