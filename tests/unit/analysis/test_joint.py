import numpy as np
import pytest

from prunekit.analysis.joint import (
    Contrast,
    Draws,
    Ruling,
    average,
    chance_above,
    contrasts_of,
    hinges,
    known,
    settle,
    two_sided,
)

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


def test_the_ends_stand_whatever_is_drawn():
    """The 2.5 % quantile of a normal number is -1.96: at most 1 % of low ends of 10,000 draws are above it."""
    lows = [
        known(np.append(0.0, np.random.default_rng(seed).standard_normal(10_000))).ends()[0]
        for seed in range(200)
    ]
    assert np.mean(np.array(lows) > -1.959964) <= 0.02
    assert -2.06 < np.mean(lows) < -1.99


@pytest.mark.parametrize("draws", [200, 400, 2500, 10_000])
def test_a_difference_is_significant_where_its_interval_leaves_out_zero(draws):
    """One rule for the ends and the p value; of fewer than 182 draws the outermost is not far enough."""
    for beyond in range(draws // 20):
        values = np.full(draws, 1.0)
        values[:beyond] = -1.0
        assert (two_sided(values) <= 0.05) == (Draws(1.0, values, values).ends()[0] > 0)
        assert (two_sided(-values) <= 0.05) == (Draws(-1.0, -values, -values).ends()[1] < 0)


def test_the_ends_are_so_far_out_as_counts_of_draws_allow():
    """Of 10,000 draws 214 are at or below zero with a chance of 1 % where the share is 2.5 % (binomial)."""
    at = np.arange(10_000.0)
    assert Draws(5000.0, at, at).ends() == (213.0, 9786.0)
    few = np.arange(100.0)
    assert Draws(50.0, few, few).ends() == (0.0, 99.0)


def test_a_verdict_next_to_its_limit_is_cannot_tell():
    """The share of draws that decides is 2.4 %, and its limit 2.5 %: 10,000 draws cannot tell them apart."""
    draws = np.full(10_000, -1.0)
    draws[:240] = 1.0
    (found,) = contrasts_of([("g", "close", Draws(-1.0, draws, draws, on_grid=True))])
    assert 0.025 < found.adjusted < 0.03
    assert settle([found], ["g"]).ruling is Ruling.UNKNOWN
    assert (
        settle(contrasts_of([("g", "close", known(np.append(1.0, -draws)))]), ["g"]).ruling is Ruling.UNKNOWN
    )


@pytest.mark.parametrize(
    ("against", "hinge"), [(0, False), (190, False), (240, True), (280, True), (300, False), (9760, True)]
)
def test_a_verdict_hinges_on_the_draws_near_its_limit_alone(against, hinge):
    """Of 10,000 draws 213 or fewer on the other side decide; more than 287 stand for more than 2.5 % (99 %)."""
    draws = np.full(10_000, 1.0)
    draws[:against] = -1.0
    each = Draws(1.0, draws, draws, on_grid=True)
    settled = settle(contrasts_of([("g", "close", each)]), ["g"])
    assert (settled.ruling is Ruling.UNKNOWN and hinges([each])) is hinge
    assert (settled.ruling is Ruling.HOLDS) is (against <= 213)


def test_of_many_contrasts_no_draw_against_is_not_enough_and_more_are_asked_for():
    """100 potentials, one below zero in every draw: 100 times 0.00046 is above 0.025 at 10,000 draws."""
    parts = [Draws(0.1, np.full(10_000, -0.1), np.full(10_000, 0.3), on_grid=True)] * 99
    sure = Draws(-0.5, np.full(10_000, -0.5), np.full(10_000, -0.5), on_grid=True)
    assert settle(contrasts_of([("g", "", each) for each in (*parts, sure)]), ["g"]).ruling is Ruling.UNKNOWN
    assert hinges([*parts, sure])
    assert not hinges(parts)
    assert not hinges([])


def test_differences_of_rounding_are_ties():
    rounded = Draws(1e-17, np.full(4000, 1e-16), np.full(4000, 1e-16), on_grid=True)
    assert chance_above(rounded.least) == 0.5
    assert chance_above(np.array([1e-16, -1e-16, 0.25, -0.25, -0.5])) == pytest.approx(0.4)
    assert two_sided(rounded.least) == 1.0
    for each in (rounded, rounded.below(0.0)):
        assert settle(contrasts_of([("g", "tie", each)]), ["g"]).ruling is Ruling.UNKNOWN


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


def test_two_potentials_that_no_ratio_reaches_are_equal_as_they_are_reported():
    floor = Draws(0.0, np.zeros(100), np.full(100, 0.15), on_grid=True)
    assert floor.less(floor).ends() == (-0.15, 0.15)
    assert floor.reported().less(floor.reported()).ends() == (0.0, 0.0)
