import numpy as np
import torch

from prunekit.data.corruptions.draws import Draws
from prunekit.data.corruptions.spatter import MUD_RGB, spatter
from prunekit.data.corruptions.spatter import _equalise as equalise


def made(layer, liquid, level=100):
    draws = Draws(torch.zeros(1, dtype=torch.int64), "", {"normal_layer": layer})
    pixels = torch.full((3, *layer.shape), level, dtype=torch.uint8)
    return spatter(pixels, draws=draws, mean=0, std=1, sigma=0.5, threshold=0.6, strength=0.6, liquid=liquid)


def spot():
    layer = torch.zeros(20, 20, 1, dtype=torch.float64)
    layer[5:12, 5:12] = 0.9
    return layer


def test_mud_hides_the_image():
    image = made(spot(), "mud")
    assert image[:, 8, 8, 0].tolist() == list(MUD_RGB)
    assert image[:, 18, 18, 0].tolist() == [100, 100, 100]


def test_water_only_adds_light():
    image = made(spot(), "water")
    assert (image >= 100).all()
    assert image[:, 5:12, 5:12].max() > 150
    assert (image[:, 15:, 15:] == 100).all()


def test_no_liquid_leaves_the_image_alone():
    """The reference would divide 0 by 0 here and make the frame black."""
    assert (made(torch.zeros(20, 20, 1, dtype=torch.float64), "water") == 100).all()


def test_equalised_levels_are_spread_by_rank():
    level = torch.tensor([0, 0, 0, 0, 3, 3, 7, 20], dtype=torch.int32).view(2, 4, 1)
    ranks = np.round(255 * (np.array([4, 6, 7, 8]) - 4) / 4).astype(int)
    assert equalise(level).flatten().tolist() == [*[ranks[0]] * 4, ranks[1], ranks[1], ranks[2], ranks[3]]
    flat = torch.full((2, 4, 1), 20, dtype=torch.int32)
    assert torch.equal(equalise(flat), flat)
