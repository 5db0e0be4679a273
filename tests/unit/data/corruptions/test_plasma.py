import torch

from prunekit.data.corruptions.draws import Draws
from prunekit.data.corruptions.plasma import plasma


def test_clouds_reach_both_ends_of_the_range():
    clouds = plasma(Draws(torch.arange(6), "fog"), 32, 2.5)
    assert clouds.shape == (32, 32, 6)
    assert clouds.amin(dim=(0, 1)).tolist() == [0] * 6
    assert clouds.amax(dim=(0, 1)).tolist() == [1] * 6


def test_a_fast_decay_makes_smooth_clouds():
    def roughness(decay):
        clouds = plasma(Draws(torch.arange(20), "fog"), 32, decay)
        return clouds.diff(dim=0).abs().mean()

    assert roughness(3) < 0.5 * roughness(1.5)


def test_clouds_go_on_across_the_border():
    clouds = plasma(Draws(torch.arange(50), "fog"), 64, 3.0)
    inside, across = clouds.diff(dim=0).abs().mean(), (clouds[0] - clouds[-1]).abs().mean()
    assert across < 1.5 * inside
