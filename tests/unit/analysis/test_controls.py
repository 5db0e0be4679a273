"""Pairs of unpruned networks: each counts once, whichever end it was measured from."""

import numpy as np
import pytest

from prunekit.analysis.controls import gain_estimate, gains_of, pairs_estimate
from prunekit.analysis.flags import Flag

RATIO = (0.0, 1.0)


def draws(value):
    return np.full(2001, value)


def pairs(**values):
    return {frozenset(names): draws(value) for names, value in values.items()}


def test_the_mean_is_over_all_pairs_and_the_interval_is_the_jackknifes():
    """Left out 0, 1, 2 in turn: .96, .92, .90; their spread is .03055, se = sqrt(2/3 * .001867) = .03528."""
    found = pairs_estimate(pairs(ab=0.90, ac=0.92, bc=0.96), n=9, bounds=RATIO, flags=())
    assert (found.value, found.seeds) == (pytest.approx(0.926667, abs=1e-6), 3)
    # t(0.975, 2) = 4.302653
    assert found.low == pytest.approx(0.926667 - 4.302653 * 0.035277, abs=2e-3)
    assert found.flags == ()


def test_one_network_in_all_pairs_leaves_the_others_as_units():
    found = pairs_estimate(pairs(ab=0.90, ac=0.92), n=9, bounds=RATIO, flags=())
    assert (found.value, found.seeds) == (pytest.approx(0.91), 2)


def test_one_pair_is_called_that():
    assert pairs_estimate(pairs(ab=0.9), n=9, bounds=RATIO, flags=()).flags == (Flag.ONE_PAIR,)


def test_a_parents_gain_is_over_the_pairs_that_it_is_in():
    own = {"a": draws(0.97), "b": draws(0.95), "d": draws(0.5)}
    found = gains_of(own, pairs(ab=0.90, ac=0.92, bc=0.96))
    assert {name: each[0] for name, each in found.items()} == {
        "a": pytest.approx(0.97 - 0.91),
        "b": pytest.approx(0.95 - 0.93),
    }


def test_the_gain_of_several_parents_with_one_control_takes_the_parents_as_units():
    own = {"a": draws(0.97), "b": draws(0.95)}
    hub = gain_estimate(own, {frozenset("ac"): draws(0.9), frozenset("bc"): draws(0.8)}, n=9)
    assert (hub.value, hub.seeds) == (pytest.approx((0.07 + 0.15) / 2), 2)
