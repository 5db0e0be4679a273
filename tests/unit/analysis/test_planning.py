import pytest

from prunekit.analysis.planning import Plan, decides, rise_rows, smallest_rows, step_rows
from prunekit.analysis.power import Rates, power

PLAN = Plan(0.005, images=(1000, 10_000), seeds=(1,))


def test_a_row_for_each_number_of_images_and_seeds():
    rates = Rates(0.05, 0.03, 0.004)
    rows = rise_rows({"model": "m"}, rates, PLAN._replace(seeds=(2, 3)))
    assert [(row["n"], row["seeds"]) for row in rows] == [(1000, 2), (1000, 3), (10_000, 2), (10_000, 3)]
    assert {row["verdict"] for row in rows} == {"beyond"}
    assert rows[3]["power"] == pytest.approx(power(rates, n=10_000, margin=0.005, seeds=3))
    assert rows[3]["images_needed"] < 10_000
    assert rows[3]["seeds_needed"] in (2, 3)


def test_a_rise_at_the_margin_is_never_decided():
    (row, _) = rise_rows({}, Rates(0.045, 0.04), PLAN)
    assert row["images_needed"] is None
    assert "no number of images" in row["flags"][0]


def test_several_comparisons_need_more_images_than_one():
    one = rise_rows({}, Rates(0.05, 0.03), PLAN)[0]
    many = rise_rows({}, Rates(0.05, 0.03), PLAN._replace(comparisons=10))[0]
    assert many["power"] == pytest.approx(one["power"] ** 10)
    assert many["images_needed"] > 1.5 * one["images_needed"]


def test_the_smallest_rise_shrinks_as_the_root_of_the_images():
    few, many = smallest_rows(PLAN._replace(margin=0.0))
    assert few["rise"] / many["rise"] == pytest.approx(10**0.5, rel=0.03)


def test_a_step_of_the_potential_needs_a_verdict_on_either_side():
    curve = [(0.5, Rates(0.02, 0.03)), (0.8, Rates(0.03, 0.03)), (0.9, Rates(0.08, 0.03))]
    (_, row) = step_rows({"method": "wt"}, curve, PLAN._replace(step=0.03))
    assert (row["potential"], row["next_ratio"]) == (0.8, 0.9)
    within, beyond = (power(rates, n=10_000, margin=0.005) for _, rates in curve[1:])
    assert row["power"] == pytest.approx(within * beyond)
    # The gap of 0.1 takes three ratios more to have no step above 0.03.
    assert row["ratios_needed"] == 3


def test_a_potential_at_the_end_of_the_grid_has_one_side():
    lowest = step_rows({}, [(0.5, Rates(0.08, 0.03))], PLAN)[1]
    assert (lowest["potential"], lowest["next_ratio"]) == (0.0, 0.5)
    highest = step_rows({}, [(0.5, Rates(0.02, 0.03))], PLAN)[1]
    assert (highest["potential"], highest["next_ratio"]) == (0.5, 1.0)


def test_one_line_says_what_a_study_can_show():
    assert decides([1000, 1000]).endswith("n = 1,000: a rise of 2.5 points")
    assert decides([]) == ""
    assert decides(range(1000, 10_000, 1000)).count("rise") == 2
