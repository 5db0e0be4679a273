import torch

from prunekit.data.corruptions.draws import Draws
from prunekit.data.corruptions.weather import fog, snow


def test_fog_leaves_black_black_and_the_brightest_value_in_range():
    draws = Draws(torch.arange(2), "fog")
    assert fog(torch.zeros(3, 16, 16, 2, dtype=torch.uint8), draws=draws, strength=1.5, decay=2).max() == 0
    half = torch.full((3, 16, 16, 2), 100, dtype=torch.uint8)
    made = fog(half, draws=draws, strength=1.0, decay=2)
    assert 99 <= made.max() <= 100
    assert torch.equal(made[0], made[1])


def test_snow_only_brightens_and_falls_twice():
    dark = torch.full((3, 32, 32, 6), 20, dtype=torch.uint8)
    settings = {
        "mean": 0.1,
        "std": 0.2,
        "zoom_factor": 1,
        "threshold": 0.5,
        "radius": 8,
        "sigma": 3,
        "kept": 0.95,
    }
    made = snow(dark, draws=Draws(torch.arange(6), "snow"), **settings)
    assert (made >= 20).all()
    assert torch.equal(made, made.flip(1, 2))
    assert made.float().std() > 1
