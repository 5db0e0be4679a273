"""Pairs of unpruned networks: each counts once, whichever end it was measured from."""

import numpy as np
import pytest

from prunekit.analysis.controls import gain_values, gains_of, pair_values


def pairs(**values):
    return {frozenset(names): np.full(40, value) for names, value in values.items()}


def test_the_mean_is_over_all_pairs_and_the_spread_is_the_jackknifes():
    """Left out 0, 1, 2 in turn: .96, .92, .90; their spread is .03055, se = sqrt(2/3 * .001867) = .03528."""
    found = pair_values(pairs(ab=0.90, ac=0.92, bc=0.96))
    means = found.values.mean(axis=1)
    assert (len(means), found.pairs) == (3, 0)
    assert means.mean() == pytest.approx(0.926667, abs=1e-6)
    assert means.std(ddof=1) / np.sqrt(3) == pytest.approx(0.035277, abs=1e-5)


def test_one_network_in_all_pairs_leaves_the_others_as_units():
    found = pair_values(pairs(ab=0.90, ac=0.92))
    assert (found.values.mean(), len(found.values), found.pairs) == (pytest.approx(0.91), 2, 2)


def test_one_pair_is_called_that():
    assert pair_values(pairs(ab=0.9)).pairs == 1


def test_a_parents_gain_is_over_the_pairs_that_it_is_in():
    own = {name: np.full(40, value) for name, value in {"a": 0.97, "b": 0.95, "d": 0.5}.items()}
    found = gains_of(own, pairs(ab=0.90, ac=0.92, bc=0.96))
    assert {name: each[0] for name, each in found.items()} == {
        "a": pytest.approx(0.97 - 0.91),
        "b": pytest.approx(0.95 - 0.93),
    }


def test_the_gain_of_several_parents_with_one_control_takes_the_parents_as_units():
    own = {"a": np.full(40, 0.97), "b": np.full(40, 0.95)}
    hub = gain_values(own, pairs(ac=0.9, bc=0.8))
    assert (hub.values.mean(), len(hub.values)) == (pytest.approx((0.07 + 0.15) / 2), 2)


def test_the_gain_covers_where_parents_are_each_others_separate_networks():
    """Three parents; the agreement of a pair moves with the luck of both. A jackknife over networks covers."""
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(400):
        luck = 0.02 * rng.standard_normal(3)
        control = {
            frozenset(each): np.array([0.9 + luck[a] + luck[b]])
            for each, a, b in (("ab", 0, 1), ("ac", 0, 2), ("bc", 1, 2))
        }
        own = {name: np.array([0.95 + 0.02 * rng.standard_normal()]) for name in "abc"}
        values = gain_values(own, control).values[:, 0]
        arm = 4.302653 * values.std(ddof=1) / np.sqrt(3)
        hits.append(abs(values.mean() - 0.05) <= arm)
    assert 0.92 <= np.mean(hits) <= 0.99
