import numpy as np
import pytest

from prunekit.analysis.power import (
    Rates,
    each_of,
    images_needed,
    power,
    rates_of,
    seeds_needed,
    smallest_rise,
)
from prunekit.analysis.proportions import Means, paired_ends
from prunekit.analysis.seeds import Prior, moderated, over_networks
from prunekit.errors import UsageError


@pytest.mark.parametrize(
    ("n", "broken", "fixed", "margin"),
    [
        (36, 0.3, 0.02, 0.05),
        (100, 0.05, 0.02, 0.1),
        (360, 0.04, 0.04, 0.04),
        (1000, 0.06, 0.03, 0.005),
        (10_000, 0.04, 0.04, 0.005),
        (200, 0.01, 0.0, 0.05),
        (500, 0.02, 0.05, -0.01),
    ],
)
def test_the_chance_of_a_verdict_is_that_of_its_own_simulation(n, broken, fixed, margin):
    rates = Rates(broken, fixed)
    draw = np.random.default_rng(0).multinomial(n, [broken, fixed, 1 - broken - fixed], size=20_000)
    low, high = paired_ends(draw[:, 0], draw[:, 1], n)
    decided = high <= margin if rates.rise <= margin else low > margin
    assert power(rates, n=n, margin=margin) == pytest.approx(decided.mean(), abs=0.01)


@pytest.mark.parametrize(("seeds", "between"), [(2, 0.004), (3, 0.008), (5, 0.004)])
def test_with_seeds_it_is_within_three_points_of_its_simulation(seeds, between):
    rates, n, margin, trials = Rates(0.06, 0.04, between), 4000, 0.005, 4000
    rng = np.random.default_rng(0)
    images = (rates.discordance - rates.rise**2 + 3 / n) / (n + 3)
    values = rates.rise + between * rng.standard_normal((trials, seeds))
    values += np.sqrt(images / 2) * (rng.standard_normal((trials, seeds)) + rng.standard_normal((trials, 1)))
    mean, ones = values.mean(axis=1), np.ones(trials)
    variance = values.var(axis=1, ddof=1)
    found = Means(
        mean, mean, images * (1 + 1 / seeds) / 2 * ones, variance, images / 2 * ones, seeds * ones, n * ones
    )
    scattered = moderated(found, ones, Prior(between**2, 4 * ones, ones < 0))
    low, _ = over_networks(found, scattered).ends()
    assert power(rates, n=n, margin=margin, seeds=seeds) == pytest.approx((low > margin).mean(), abs=0.03)


def test_images_needed_by_the_textbook():
    # 8 % differ, no true rise, a margin of half a point: .08 (1.96 + .84)^2 / .005^2 = 25,116.
    assert images_needed(Rates(0.04, 0.04), margin=0.005) == pytest.approx(25_116, rel=0.005)
    assert power(Rates(0.04, 0.04), n=10_000, margin=0.005) < 0.5


def test_more_images_decide_what_few_do_not_and_a_rise_at_the_margin_is_never_decided():
    rates = Rates(0.06, 0.03)
    needed = images_needed(rates, margin=0.005)
    assert power(rates, n=needed, margin=0.005) >= 0.8
    assert power(rates, n=needed * 9 // 10, margin=0.005) < 0.8
    assert images_needed(Rates(0.06, 0.03), margin=0.03) is None


def test_seeds_needed_where_the_networks_differ():
    rates = Rates(0.045, 0.035, 0.008)
    needed = seeds_needed(rates, n=100_000, margin=0.0)
    assert power(rates, n=100_000, margin=0.0, seeds=needed) >= 0.8
    assert needed > 2
    assert seeds_needed(Rates(0.04, 0.04, 0.1), n=1000, margin=0.001) is None


def test_the_smallest_rise_that_a_test_set_shows():
    assert smallest_rise(n=1000) == pytest.approx(0.025, abs=0.001)
    assert smallest_rise(n=10_000) == pytest.approx(0.0079, abs=0.0003)
    assert smallest_rise(n=2) is None


def test_rates_that_cannot_be_are_refused():
    assert rates_of(0.02, 0.08) == pytest.approx((0.05, 0.03, 0.0))
    with pytest.raises(UsageError, match=r"a rise of 0\.1 with 0\.05"):
        rates_of(0.1, 0.05)


def test_all_of_several_comparisons_need_more_each():
    assert each_of(1) == pytest.approx(0.8)
    assert each_of(5) ** 5 == pytest.approx(0.8)
