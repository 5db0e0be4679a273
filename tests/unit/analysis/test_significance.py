import numpy as np
import pytest
from scipy.stats import binom, ttest_ind, ttest_rel

from prunekit.analysis.significance import (
    at_least,
    at_most,
    false_discovery,
    holm,
    max_t,
    mcnemar,
    paired_t,
    welch,
)


@pytest.mark.parametrize(
    ("broken", "fixed", "p"),
    [
        (0, 0, 1.0),
        (3, 3, 1.0),
        # Two tails of 2^-5 each.
        (5, 0, 2 / 32),
        # P(X <= 1) of 8 fair coins = 9 / 256, twice.
        (1, 7, 18 / 256),
    ],
)
def test_mcnemar_is_the_exact_binomial_test_of_one_half(broken, fixed, p):
    assert mcnemar(broken, fixed) == pytest.approx(p)
    assert mcnemar(fixed, broken) == pytest.approx(p)


def test_welch_agrees_with_scipy_on_samples_of_unequal_variance():
    rng = np.random.default_rng(0)
    before, after = rng.normal(0, 1, (5, 4)), rng.normal(1, 3, (7, 4))
    expected = ttest_ind(after, before, axis=0, equal_var=False).pvalue
    assert welch(before, after) == pytest.approx(expected)


def test_welch_of_populations_that_do_not_vary():
    before = np.array([[0.5, 0.5], [0.5, 0.5]])
    assert welch(before, before + np.array([0, 0.1])).tolist() == [1.0, 0.0]


def test_welch_says_nothing_of_one_network():
    assert np.isnan(welch(np.zeros((1, 2)), np.ones((1, 2)))).all()


def test_holm_by_hand():
    # Sorted .01 .02 .04: 3 x .01 = .03; 2 x .02 = .04; max(.04, 1 x .04) = .04.
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.9, 0.8]) == pytest.approx([1, 1])


def test_holm_does_not_count_what_was_not_tested():
    adjusted = holm([np.nan, 0.03, 0.02])
    assert np.isnan(adjusted[0])
    assert adjusted[1:] == pytest.approx([0.04, 0.04])


def test_mcnemar_of_many_at_once():
    assert mcnemar(np.array([5, 0]), np.array([0, 0])) == pytest.approx([2 / 32, 1.0])


def test_paired_t_agrees_with_scipy():
    rng = np.random.default_rng(0)
    before, after = rng.normal(0, 1, (5, 4)), rng.normal(1, 3, (5, 4))
    assert paired_t(after - before) == pytest.approx(ttest_rel(after, before).pvalue)


def test_paired_t_of_one_network_and_of_differences_that_do_not_vary():
    assert np.isnan(paired_t(np.ones((1, 2)))).all()
    assert paired_t(np.array([[0.0, 0.1], [0.0, 0.1]])).tolist() == [1.0, 0.0]


def test_false_discovery_by_hand():
    # Sorted .01 .02 .04 .5: 4/1 x .01, 4/2 x .02, 4/3 x .04, 4/4 x .5; the smallest from each on.
    assert false_discovery([0.04, 0.5, 0.01, 0.02]) == pytest.approx([0.16 / 3, 0.5, 0.04, 0.04])
    adjusted = false_discovery([np.nan, 0.03])
    assert np.isnan(adjusted[0])
    assert adjusted[1] == pytest.approx(0.03)


def test_max_t_corrects_little_where_contrasts_hang_together_and_fully_where_they_do_not():
    rng = np.random.default_rng(0)
    values = np.full(20, -2.5)
    alone = max_t(values[:1], rng.standard_normal((1, 20_000)))
    together = max_t(values, np.repeat(rng.standard_normal((1, 20_000)), 20, axis=0))
    apart = max_t(values, rng.standard_normal((20, 20_000)))
    assert together == pytest.approx(np.full(20, alone[0]), abs=0.002)
    assert apart[0] == pytest.approx(1 - (1 - 0.00621) ** 20, abs=0.01)


def test_max_t_steps_down():
    rng = np.random.default_rng(1)
    draws = rng.standard_normal((2, 50_000))
    adjusted = max_t(np.array([-6.0, -2.0]), draws)
    assert adjusted[1] == pytest.approx(0.0228, abs=0.003)


def test_max_t_of_contrasts_that_do_not_vary():
    adjusted = max_t(np.array([0.5, -0.5]), np.array([[0.5] * 9, [-0.5] * 9]))
    # None of nine draws: a share p misses them all with a chance of (1 - p)^9 = 1 %.
    assert adjusted == pytest.approx([1.0, 1 - 0.01 ** (1 / 9)])


def test_a_share_of_random_draws_is_taken_at_its_upper_end():
    assert at_most(0, 10_000) == pytest.approx(1 - 0.01 ** (1 / 10_000))
    assert at_most(10_000, 10_000) == pytest.approx(1.0)
    # 31 of 10,000: no more is seen with a chance of 1 % where the share is so large.
    assert binom.cdf(31, 10_000, at_most(31, 10_000)) == pytest.approx(0.01)


@pytest.mark.parametrize("count", [1, 10, 250, 9999])
def test_the_least_share_that_draws_may_stand_for(count):
    """At it, so many or more are drawn with a chance of 1 %."""
    low = float(at_least(count, 10_000))
    assert binom.sf(count - 1, 10_000, low) == pytest.approx(0.01)
    assert low < count / 10_000 < float(at_most(count, 10_000))
    assert float(at_least(0, 10_000)) == 0
