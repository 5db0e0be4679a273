import numpy as np
import pytest
import torch
from PIL import Image

from prunekit.data.corruptions import corrupt
from prunekit.errors import UsageError

IMAGES = torch.full((40, 3, 16, 16), 50, dtype=torch.uint8)


@pytest.fixture
def photos(tmp_path):
    """Five photographs of one colour each: the n-th is as red as 50 n."""
    for number in range(1, 7):
        values = np.zeros((120, 150, 3), dtype=np.uint8)
        values[..., 0], values[..., 1] = 20 * number, np.arange(150)
        Image.fromarray(values).save(tmp_path / f"frost{number}.png")
    return tmp_path


def test_photographs_are_mixed_in(photos):
    made = corrupt(IMAGES, corruption="frost", severity=1, frost_photos=photos)
    reds = {50 + int(0.2 * 20 * number) for number in range(1, 6)}
    assert set(made[:, 0].unique().tolist()) == reds
    assert (made[:, 2] == 50).all()


def test_a_given_crop_is_every_fifth_pixel(photos):
    draws = {name: torch.full((40,), value) for name, value in (("file", 2), ("row", 3), ("column", 7))}
    made = corrupt(IMAGES, corruption="frost", severity=4, frost_photos=photos, draws=draws)
    green = torch.arange(150)[2::5][7 : 7 + 16]
    wanted = (0.85 * 50 + 0.4 * green.double()).to(torch.uint8)
    assert torch.equal(made[0, 1], wanted.expand(16, 16))


def test_a_missing_photograph_is_named(tmp_path):
    with pytest.raises(UsageError, match="no photograph frost1"):
        corrupt(IMAGES, corruption="frost", severity=1, frost_photos=tmp_path)


def test_a_photograph_must_be_larger_than_the_images(photos):
    large = torch.zeros(1, 3, 24, 24, dtype=torch.uint8)
    with pytest.raises(UsageError, match="too small for images of 24 x 24"):
        corrupt(large, corruption="frost", severity=1, frost_photos=photos)


def test_without_photographs_there_is_a_texture():
    made = corrupt(IMAGES, corruption="frost", severity=3).double()
    added = (made - 0.9 * 50) / 0.4
    # Four of the five draws: teal, white (twice), grey, dark.
    levels = added.mean((1, 2, 3))
    assert levels.min() < 125 < 195 < levels.max()
    assert (added.mean((0, 2, 3)).diff() > 0).all()
