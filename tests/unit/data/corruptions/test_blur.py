import numpy as np
import pytest
import torch

from prunekit.data.corruptions.blur import disk, glass_blur
from prunekit.data.corruptions.draws import Draws


@pytest.mark.parametrize(
    ("radius", "alias", "total"),
    [(0.3, 0.4, 1), (1, 0.2, 1), (6, 0.5, 1), (8, 0.5, 1.01298), (10, 0.5, 1.01079)],
)
def test_a_disk_that_touches_its_border_is_heavier(radius, alias, total):
    assert disk(radius, alias).sum().item() == pytest.approx(total, abs=1e-5)


def test_a_small_disk_is_a_plus():
    kernel = disk(1, 0.2)
    assert kernel[8, 8].item() == pytest.approx(0.2, abs=1e-5)
    assert kernel[7:10, 7:10].sum().item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("reach", "rounds"), [(1, 1), (1, 2), (2, 2), (4, 1)])
def test_glass_copies_in_the_order_of_the_scan(reach, rounds):
    """The oracle walks from the bottom right and copies in place, as the reference does."""
    random = np.random.default_rng(7)
    image = random.integers(0, 256, (14, 17, 3), dtype=np.uint8)
    shifts = random.integers(-reach, reach, (rounds, 14 - 2 * reach, 17 - 2 * reach, 2))
    wanted = image.copy()
    for shift in shifts:
        for i, row in enumerate(range(14 - reach, reach, -1)):
            for j, column in enumerate(range(17 - reach, reach, -1)):
                right, down = shift[i, j]
                wanted[row, column] = wanted[row + down, column + right]
    draws = Draws(torch.zeros(1, dtype=torch.int64), "", {"dx_dy": torch.from_numpy(shifts)[..., None]})
    block = torch.from_numpy(image).permute(2, 0, 1)[..., None]
    # A sigma of 0.05 does not smooth.
    made = glass_blur(block, draws=draws, sigma=0.05, reach=reach, rounds=rounds)[..., 0].permute(1, 2, 0)
    assert np.array_equal(made.numpy(), wanted)
