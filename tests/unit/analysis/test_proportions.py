import numpy as np
import pytest

from prunekit.analysis.made_up import MEASURED, PAIRED, SHARE
from prunekit.analysis.proportions import combined, means_of, moments, over_images, paired_ends, stacked


def interval(values, made_up):
    return over_images(means_of(moments(values, made_up))).ends()


def test_paired_ends_by_hand():
    # 3 + 1.5 broken, 1 + 1.5 fixed of 36 + 3: 2 / 39, variance (7 / 39 - (2 / 39)^2) / 39.
    rise, error = 2 / 39, np.sqrt((7 / 39 - (2 / 39) ** 2) / 39)
    assert paired_ends(3, 1, 36) == pytest.approx([rise - 1.959964 * error, rise + 1.959964 * error])


def test_where_no_image_differs_the_interval_has_a_width():
    low, high = paired_ends(0, 0, 36)
    # The exact upper limit of a rise with no discordant image of 36 is 9.7 points (1 - 0.025^(1 / 36)).
    assert high == pytest.approx(0.087, abs=0.001)
    assert low == -high
    assert interval(np.zeros((1, 36)), PAIRED)[1] == pytest.approx(0.091, abs=0.001)
    assert interval(np.zeros((1, 36)), SHARE)[1] > 0.097


@pytest.mark.parametrize("n", [36, 100, 1000])
@pytest.mark.parametrize("fixed", [0.0, 0.002, 0.01])
def test_a_rise_at_the_margin_is_within_it_in_one_case_of_twenty_at_most(n, fixed):
    """At every rise: with one image of either kind, as Bonett and Price have it, seven cases where none is fixed."""
    draw = np.random.default_rng(0)
    for rise in np.arange(1, 12) / n:
        counts = draw.multinomial(n, [rise + fixed, fixed, 1 - rise - 2 * fixed], size=20_000)
        _, high = paired_ends(counts[:, 0], counts[:, 1], n)
        assert (high <= rise).mean() <= 0.05


def test_made_up_images_are_the_paired_ends_of_one_network():
    values = np.array([[1] * 30 + [-1] * 10 + [0] * 960])
    assert interval(values, PAIRED) == pytest.approx(paired_ends(30, 10, 1000), abs=1e-4)


def test_made_up_images_are_agresti_and_coull_for_a_share():
    values = np.array([[1] * 8 + [0] * 92])
    share, count = 10 / 104, 104
    error = np.sqrt(share * (1 - share) / (count - 1))
    assert interval(values, SHARE)[1] == pytest.approx(share + 1.98422 * error, abs=1e-4)


def test_four_images_are_judged_by_students_t():
    values = np.array([[0.2, 0.4, 0.5, 0.9]])
    mean, error = values.mean(), values.std(ddof=1) / 2
    assert interval(values, MEASURED) == pytest.approx([mean - 3.18244631 * error, mean + 3.18244631 * error])


def test_paired_rises_cover_at_36_images_where_resampling_them_does_not():
    """Broken 2 %, fixed 0.5 %: the percentile interval covers half of the time."""
    draw = np.random.default_rng(0).multinomial(36, [0.02, 0.005, 0.975], size=4000)
    low, high = paired_ends(draw[:, 0], draw[:, 1], 36)
    assert ((low <= 0.015) & (high >= 0.015)).mean() > 0.95


def test_what_seeds_share_and_what_is_their_own():
    rng = np.random.default_rng(0)
    shared, own = rng.standard_normal((1, 50_000)), rng.standard_normal((3, 50_000))
    found = means_of(moments(2 * shared + own))
    assert found.own * 50_000 == pytest.approx(1, rel=0.05)
    assert found.images * 50_000 == pytest.approx(4 + 1 / 3, rel=0.05)
    assert found.seeds == 3


def test_means_over_different_images_add_their_variances():
    one, other = moments(np.array([[0.0, 1, 0, 1]])), moments(np.array([[0.0, 0, 0, 1]]))
    both = means_of(combined([one, other], [1.0, -0.5]))
    assert both.mean == pytest.approx(0.5 - 0.125)
    assert both.images == pytest.approx(one.covariance.item() + other.covariance.item() / 4)
    assert stacked([both, both]).mean.shape == (2,)
