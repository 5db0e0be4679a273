from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from prunekit.data.corruptions.jpeg import jpeg_compression


def through_pillow(image, quality):
    written = BytesIO()
    Image.fromarray(image).save(written, "JPEG", quality=quality)
    return np.asarray(Image.open(written))


def photograph(height, width):
    """Random colours, partly smooth: saturated corners, edges and noise."""
    random = np.random.default_rng(height * 1000 + width)
    coarse = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).copy()
    smooth[height // 2 :] = random.integers(0, 256, (height - height // 2, width, 3))
    return smooth


@pytest.mark.parametrize("quality", [7, 40, 50, 80, 95])
@pytest.mark.parametrize("shape", [(32, 32), (48, 16), (8, 8), (33, 47), (31, 40), (9, 23)])
def test_it_is_what_libjpeg_does(shape, quality):
    image = photograph(*shape)
    block = torch.from_numpy(image).permute(2, 0, 1)[..., None]
    made = jpeg_compression(block, quality=quality)[..., 0].permute(1, 2, 0).numpy()
    assert np.array_equal(made, through_pillow(image, quality))
