import colorsys

import pytest
import torch

from prunekit.data.corruptions.hsv import recolour, to_hsv

COLOURS = [
    (0, 0, 0), (255, 255, 255), (9, 9, 9), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255),
    (200, 100, 50), (50, 100, 200), (100, 200, 50), (7, 250, 249), (250, 7, 249), (1, 0, 0), (0, 1, 2),
]  # fmt: skip


@pytest.mark.parametrize("colour", COLOURS)
def test_hues_are_those_of_colorsys(colour):
    unit = torch.tensor(colour, dtype=torch.float64).view(3, 1, 1, 1) / 255
    made = [part.item() for part in to_hsv(unit)]
    assert made == pytest.approx(colorsys.rgb_to_hsv(*(value / 255 for value in colour)))


def test_the_same_colours_return():
    unit = torch.rand(3, 20, 20, 2, dtype=torch.float64)
    torch.testing.assert_close(recolour(unit, *to_hsv(unit)), unit)


@pytest.mark.parametrize("colour", COLOURS)
def test_another_saturation_and_value_is_that_of_colorsys(colour):
    unit = torch.tensor(colour, dtype=torch.float64).view(3, 1, 1, 1) / 255
    hue, saturation, value = to_hsv(unit)
    made = (
        recolour(unit, hue, torch.full_like(saturation, 0.6), torch.full_like(value, 0.8)).flatten().tolist()
    )
    assert made == pytest.approx(colorsys.hsv_to_rgb(hue.item(), 0.6, 0.8), abs=1e-12)
