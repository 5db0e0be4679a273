from math import ceil, cos, exp, floor, radians, sin

import numpy as np
import pytest
import torch

from prunekit.data.corruptions.trail import trail


def plain(image, radius, sigma, angle):
    """The rules of CORRUPTIONS 2.4, one pixel at a time."""
    taps = 2 * ceil(radius) + 1
    weights = [exp(-(i**2) / (2 * sigma**2)) for i in range(taps)]
    weights = [weight / sum(weights) for weight in weights]
    across = [ceil(i * cos(radians(angle)) - 0.5) for i in range(taps)]
    down = [ceil(i * sin(radians(angle)) - 0.5) for i in range(taps)]
    out, (height, width) = np.zeros_like(image), image.shape
    for row in range(height):
        for column in range(width):
            reached = [
                257 * int(image[np.clip(row + d, 0, height - 1), np.clip(column + a, 0, width - 1)])
                for d, a in zip(down, across, strict=True)
            ]
            total = sum(weight * value for weight, value in zip(weights, reached, strict=True))
            out[row, column] = floor(total + 0.5) // 257
    return out


@pytest.mark.parametrize(("radius", "sigma"), [(3, 1), (5, 2.5)])
def test_every_image_has_its_own_direction(radius, sigma):
    random = np.random.default_rng(2)
    images, angles = random.integers(0, 256, (2, 9, 12, 4), dtype=np.uint8), [-44.9, 0.0, 44.0, -120.0]
    made = trail(torch.from_numpy(images), radius=radius, sigma=sigma, angle=torch.tensor(angles)).numpy()
    for number, angle in enumerate(angles):
        for channel in range(2):
            wanted = plain(images[channel, ..., number], radius, sigma, angle)
            assert np.array_equal(made[channel, ..., number], wanted)
