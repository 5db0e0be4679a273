import numpy as np
import pytest
from scipy.stats import ttest_ind

from prunekit.analysis.significance import holm, mcnemar, welch


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
