import numpy as np
import pytest
import torch
from scipy import ndimage

from prunekit.data.corruptions.draws import Draws
from prunekit.data.corruptions.elastic import elastic_transform

PIXELS = torch.from_numpy(np.random.default_rng(8).integers(0, 256, (3, 18, 24, 2), dtype=np.uint8))


def moved(right=0.0, down=0.0, offsets=None, pixels=PIXELS):
    field = torch.zeros(18, 24, 2)
    given = {
        "affine_offsets_xy": torch.zeros(3, 2, 2) if offsets is None else offsets,
        "dx": field + right,
        "dy": field + down,
    }
    draws = Draws(torch.zeros(2, dtype=torch.int64), "", given)
    return elastic_transform(pixels, draws=draws, strength=1, sigma=1, jitter=1)


def test_nothing_moves_by_nothing():
    assert torch.equal(moved(), PIXELS)


def test_a_whole_shift_moves_pixels_and_mirrors_the_border():
    made = moved(right=3, down=-2)
    assert torch.equal(made[:, 2:, :-3], PIXELS[:, :-2, 3:])
    assert torch.equal(made[:, :2, :-3], PIXELS[:, :2, 3:].flip(1))


@pytest.mark.parametrize(("right", "down"), [(0.4, -1.3), (30.0, 7.5)])
def test_a_displacement_is_scipys(right, down):
    unit = PIXELS.numpy() / 255
    rows, columns = np.mgrid[:18, :24]
    wanted = ndimage.map_coordinates(unit[0, ..., 0], [rows + down, columns + right], order=1, mode="reflect")
    made = moved(right, down)[0, ..., 0].numpy()
    assert np.abs(made - np.trunc(wanted * 255)).max() <= 1


def test_three_points_that_move_together_shift_the_image():
    offsets = torch.tensor([2.0, 1.0]).view(1, 2, 1).expand(3, 2, 2)
    made = moved(offsets=offsets)
    assert torch.equal(made[:, 1:, 2:], PIXELS[:, :-1, :-2])
