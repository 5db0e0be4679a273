import numpy as np
import pytest

from prunekit.analysis.proportions import Means
from prunekit.analysis.seeds import (
    MOST_PRIOR_DEGREES,
    Prior,
    moderated,
    over_networks,
    pooled,
    probit_scale,
    together,
)

RNG = np.random.default_rng(0)


def apart(found):
    """Values of rows that do not move together."""
    return RNG.standard_normal((len(found.mean), max(int(found.seeds.max()), 1)))


def rows(count, seeds, *, values=None, spread=1.0, images=0.0, own=0.0, n=1000):
    """Rows whose seeds scatter by ``spread`` around a mean of 0."""
    values = spread * RNG.standard_normal((count, seeds)) if values is None else values
    mean = values.mean(axis=1)
    full = np.full(count, 1.0)
    variance = values.var(axis=1, ddof=1) if seeds > 1 else 0 * full
    return Means(mean, mean, images * full, variance, own * full, (seeds * full).astype(int), n * full)


def test_the_luck_of_networks_shows_most_near_a_half():
    assert probit_scale(0.5) == pytest.approx(1 / (2 * np.pi))
    assert probit_scale(0.5, 0.5) == pytest.approx(1 / np.pi)
    assert probit_scale(0.01) < probit_scale(0.1) / 10
    assert probit_scale(0.0) > 0


def test_rows_say_together_how_far_seeds_lie_apart():
    found = rows(4000, 2, spread=0.3, own=0.02)
    prior = pooled(found, np.full(4000, 2.0), apart(found))
    assert prior.tau2 == pytest.approx((0.09 - 0.02) / 2, rel=0.1)
    assert prior.degrees == pytest.approx(MOST_PRIOR_DEGREES)


def test_intervals_of_two_seeds_cover_and_are_a_fraction_of_students():
    found = rows(4000, 2)
    spread = moderated(found, np.ones(4000), pooled(found, np.ones(4000), apart(found)))
    low, high = over_networks(found, spread).ends()
    assert 0.94 < ((low <= 0) & (high >= 0)).mean() < 0.99
    students = 2 * 12.706 * np.sqrt(found.variance / 2)
    assert (high - low).mean() < students.mean() / 2


def test_the_average_of_row_and_prior_by_hand():
    found = rows(2, 3)._replace(variance=np.array([4.0, 1.0]), own=np.array([0.5, 0.5]))
    spread = moderated(found, np.array([1.0, 2.0]), Prior(0.25, np.array([4.0, 4.0]), np.zeros(2, bool)))
    # (4 x (0.25 + 0.5) + 2 x 4) / 6 and (4 x (0.5 + 0.5) + 2 x 1) / 6.
    assert spread.variance == pytest.approx([11 / 6, 1.0])
    assert spread.between == pytest.approx([11 / 6 - 0.5, 0.5])
    assert spread.degrees == pytest.approx([6, 6])


def test_satterthwaite_by_hand():
    found = rows(1, 2, images=0.03)._replace(variance=np.array([0.1]))
    spread = moderated(found, np.ones(1), Prior(0.0, np.zeros(1), np.zeros(1, bool)))
    student = over_networks(found, spread)
    assert student.error == pytest.approx([np.sqrt(0.05 + 0.03)])
    assert student.degrees == pytest.approx([0.08**2 / (0.05**2 / 1 + 0.03**2 / 999)])


def test_a_row_that_varies_far_more_is_flagged_and_left_out():
    found = rows(30, 5)
    found.variance[3] *= 100
    prior = pooled(found, np.ones(30), apart(found))
    assert prior.outlying.tolist() == [place == 3 for place in range(30)]
    assert prior.degrees[3] == 0
    assert prior.tau2 == pytest.approx(1, rel=0.4)


def test_a_row_alone_learns_nothing():
    found = rows(1, 3)
    prior = pooled(found, np.ones(1), apart(found))
    assert prior.degrees.tolist() == [0]
    spread = moderated(found, np.ones(1), prior)
    assert spread.variance == pytest.approx(found.variance)
    assert spread.degrees == pytest.approx([2])


def test_one_seed_says_nothing_of_the_next():
    found = rows(3, 1)
    prior = pooled(found, np.ones(3), apart(found))
    low, high = over_networks(found, moderated(found, np.ones(3), prior)).ends()
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_rows_that_scatter_more_than_seeds_do_teach_less():
    found = rows(200, 3)
    wild = found._replace(variance=found.variance * np.exp(2 * RNG.standard_normal(200)))
    assert pooled(wild, np.ones(200), apart(wild)).degrees.max() < 2


def test_rows_that_move_together_count_as_fewer():
    luck = RNG.standard_normal((1, 3)).repeat(50, axis=0)
    found = rows(50, 3, values=luck)
    assert pooled(found, np.ones(50), luck).degrees.max() < 2.1
    assert pooled(found, np.ones(50), apart(found)).degrees.max() == MOST_PRIOR_DEGREES


def test_how_much_rows_move_together():
    shared, own = RNG.standard_normal((1, 4)), RNG.standard_normal((400, 4))
    shared *= np.sqrt(3) / shared.std(ddof=1) / np.sqrt(3)
    assert together(shared + own, np.full(400, 2.0)) == pytest.approx(0.5, abs=0.1)
    assert together(own, np.ones(400)) < 0.05
    two = np.concatenate(
        [np.repeat(shared, 200, axis=0), np.repeat(RNG.standard_normal((1, 4)), 200, axis=0)]
    )
    assert together(two, np.ones(400), [0] * 200 + [1] * 200) == pytest.approx(1, abs=0.01)
    assert together(np.full((2, 3), np.nan), np.ones(2)) == 0
