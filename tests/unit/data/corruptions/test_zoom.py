import numpy as np
import pytest
import torch
from scipy import ndimage

from prunekit.data.corruptions.zoom import grid, zoom


@pytest.mark.parametrize(
    ("size", "factor", "sides"),
    [
        (32, 1.01, (32, 32)),
        (32, 1.04, (31, 32)),
        (32, 1.25, (26, 32)),
        (32, 1.2500000000000002, (26, 33)),
        (32, 2.25, (15, 34)),
        (224, 4.5, (50, 225)),
        (224, 1.18, (190, 224)),
    ],
)
def test_sides_are_rounded_as_in_the_reference(size, factor, sides):
    assert grid(size, factor) == sides


@pytest.mark.parametrize("factor", [1.04, 1.75, 2.25, 3])
def test_the_zoom_is_scipys(factor):
    image = np.random.default_rng(1).random((32, 32))
    side, enlarged = grid(32, factor)
    top, trim = (32 - side) // 2, (enlarged - 32) // 2
    whole = ndimage.zoom(image[top : top + side, top : top + side], enlarged / side, order=1)
    assert whole.shape == (enlarged, enlarged)
    made = zoom(torch.from_numpy(image)[None, ..., None], factor)[0, ..., 0]
    np.testing.assert_allclose(made.numpy(), whole[trim : trim + 32, trim : trim + 32], atol=1e-12)


def test_no_zoom_is_the_identity():
    image = torch.rand(3, 9, 12, 2, dtype=torch.float64)
    assert torch.equal(zoom(image, 1.0), image)
