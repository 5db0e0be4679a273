import torch

from prunekit.data.corruptions.colour import brightness, contrast, saturate


def colour(*rgb):
    return torch.tensor(rgb, dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 8, 8, 1)


def test_brightness_keeps_hue_and_saturation():
    assert brightness(colour(100, 50, 0), shift=0.2)[:, 0, 0, 0].tolist() == [151, 75, 0]


def test_contrast_of_a_flat_image_is_nothing():
    assert (contrast(colour(10, 20, 30), scale=0.3).int() - colour(10, 20, 30).int()).abs().max() <= 1


def test_contrast_draws_towards_the_mean():
    halves = torch.cat([colour(0, 0, 0), colour(202, 102, 51)], 2)
    made = contrast(halves, scale=0.5)
    assert made[:, 0, 0, 0].tolist() == [50, 25, 12]
    assert made[:, 0, -1, 0].tolist() == [151, 76, 38]


def test_saturation_greys_or_deepens():
    assert saturate(colour(200, 100, 100), scale=0, shift=0)[:, 0, 0, 0].tolist() == [200, 200, 200]
    assert saturate(colour(200, 100, 100), scale=2, shift=0)[:, 0, 0, 0].tolist() == [200, 0, 0]


def test_a_shift_tints_grey_red():
    assert saturate(colour(100, 100, 100), scale=2, shift=0.1)[:, 0, 0, 0].tolist() == [100, 90, 90]
