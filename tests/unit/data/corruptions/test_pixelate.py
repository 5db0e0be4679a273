import numpy as np
import pytest
import torch
from PIL import Image

from prunekit.data.corruptions.pixelate import pixelate


@pytest.mark.parametrize("scale", [0.95, 0.65, 0.5, 0.3, 0.25])
@pytest.mark.parametrize("shape", [(32, 32), (50, 37)])
def test_it_is_pillows_box_filter(shape, scale):
    image = np.random.default_rng(4).integers(0, 256, (*shape, 3), dtype=np.uint8)
    height, width = shape
    small = Image.fromarray(image).resize((int(width * scale), int(height * scale)), Image.Resampling.BOX)
    wanted = np.asarray(small.resize((width, height), Image.Resampling.BOX))
    made = pixelate(torch.from_numpy(image).permute(2, 0, 1)[..., None], scale=scale)[..., 0].permute(1, 2, 0)
    assert np.array_equal(made.numpy(), wanted)
