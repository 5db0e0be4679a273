import numpy as np
import pytest

from prunekit.analysis.sampled import pool, sampled

RNG = np.random.default_rng(0)


def test_a_control_of_one_pair_adds_the_luck_of_its_networks_and_its_own():
    """Ten rows of two seeds: the spread of a row with one pair is three pooled variances larger, by its own scale."""
    rows = [sampled(RNG.random((2, 400)) + luck, (0, 1), scale=0.5) for luck in RNG.random((10, 2, 1))]
    alone, paired = pool(rows), pool([rows[0]._replace(one_pair=True), *rows[1:]])
    more = paired.spread.variance - alone.spread.variance
    assert more[0] == pytest.approx(3 * 2 * 0.5 * alone.prior.tau2)
    assert more[0] > 0
    assert np.all(more[1:] == 0)
