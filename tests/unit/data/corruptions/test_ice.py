import numpy as np
import pytest
import torch

from prunekit.data.corruptions.frost import COMPONENTS
from prunekit.data.corruptions.ice import ice

# Of 32-pixel crops at a fifth of the scale: mean RGB, sd of crops' mean luma, sd of luma within a crop (frost_texture.json).
MEASURED = {
    "teal": ((76.7, 147.9, 164.5), 11.2, 14.4),
    "white": ((198.6, 203.1, 212.4), 9.0, 18.0),
    "grey": ((143.5, 158.3, 171.0), 10.1, 26.0),
    "dark": ((102.8, 114.1, 125.9), 15.9, 34.4),
}


def crops(name, side=32, count=1500):
    texture = ice(COMPONENTS, 5, side)[COMPONENTS.index(name)].double()
    random = np.random.default_rng(9)
    starts = random.integers(0, len(texture) - side, (count, 2)).tolist()
    return torch.stack([texture[row : row + side, column : column + side] for row, column in starts])


@pytest.mark.parametrize("name", MEASURED)
def test_a_texture_has_the_measured_colours_and_spread(name):
    colour, between, within = MEASURED[name]
    made = crops(name)
    assert made.mean((0, 1, 2)).tolist() == pytest.approx(colour, abs=1.5)
    luma = made @ torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
    assert luma.mean((1, 2)).std().item() == pytest.approx(between, rel=0.15)
    assert luma.flatten(1).std(1).mean().item() == pytest.approx(within, rel=0.1)


def test_a_texture_repeats_seamlessly():
    texture = ice(COMPONENTS, 5, 32)[0]
    side = len(texture) - 32
    assert torch.equal(texture[side:], texture[:32])
    assert torch.equal(texture[:, side:], texture[:, :32])


def test_the_second_and_third_are_one_picture():
    first, second, third, *_ = ice(COMPONENTS, 5, 32)
    assert torch.equal(second, third)
    assert not torch.equal(first, second)
