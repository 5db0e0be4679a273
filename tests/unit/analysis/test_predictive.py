import numpy as np
import pytest
from scipy.special import ndtr

from prunekit.analysis.predictive import chances, stretches, worlds

RATIOS = np.array([0.5, 0.8, 0.9])


def expected(at_least, ratios):
    return at_least @ np.diff(ratios, prepend=0.0)


def drawn(rises, between, *, share=1.0, seeds=3, draws=4000, name=1, parents=1, degrees=1e6):
    rises = np.tile(np.asarray(rises, dtype=float), (draws, 1))
    between = np.full(rises.shape[1], float(between))
    return worlds(
        rises,
        between,
        share=np.full(rises.shape[1], share),
        degrees=degrees,
        seeds=seeds,
        name=name,
        parents=parents,
        seed=0,
    )


def test_without_luck_it_is_the_potential_itself():
    world = drawn([0.001, 0.004, 0.02], 0.0)
    assert expected(chances(world, margin=0.005), RATIOS) == pytest.approx(np.full(4000, 0.8))


def test_one_ratio_by_hand():
    world = drawn([0.004], 0.002**2)
    by_hand = 0.5 * ndtr((0.005 - world.rises[:, 0]) / 0.002 / world.stretch)
    assert expected(chances(world, margin=0.005), RATIOS[:1]) == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
def test_it_is_the_mean_potential_of_networks_that_are_drawn(share):
    rng = np.random.default_rng(0)
    world = drawn([0.003, 0.004, 0.007], 0.003**2, share=share, draws=1)
    own = world.pruned * rng.standard_normal((200_000, 3))
    rises = world.rises + own - world.parent * rng.standard_normal((200_000, 1))
    by_drawing = np.where(rises <= 0.005, RATIOS, 0).max(axis=1).mean()
    assert expected(chances(world, margin=0.005), RATIOS).item() == pytest.approx(by_drawing, abs=0.01)


def test_methods_with_the_same_parents_share_their_luck():
    def mean_rise(**which):
        return drawn([0.0], 0.01**2, share=0.0, **which).rises[:, 0]

    assert np.array_equal(mean_rise(name=1, parents=1), mean_rise(name=2, parents=1))
    assert abs(np.corrcoef(mean_rise(parents=1), mean_rise(parents=2))[0, 1]) < 0.1


def test_few_degrees_of_freedom_stretch_the_spread():
    known, unsure = stretches(4000, 1000, 0), stretches(4000, 3, 0)
    assert known == pytest.approx(np.ones(4000), abs=0.12)
    assert np.quantile(unsure, 0.975) > 3
    assert np.array_equal(unsure, stretches(4000, 3, 0))
