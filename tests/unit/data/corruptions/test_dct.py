import numpy as np
import torch
from scipy.fft import dctn

from prunekit.data.corruptions import dct


def blocks():
    return torch.from_numpy(np.random.default_rng(3).integers(-128, 128, (8, 8, 50), dtype=np.int32))


def test_the_transform_is_a_cosine_transform():
    """Blocks come [column, row, *]; coefficients [row frequency, column frequency, *], 8 times too large."""
    made = dct.forward(blocks()).numpy()
    wanted = 8 * dctn(blocks().numpy().transpose(1, 0, 2).astype(float), axes=(0, 1), norm="ortho")
    assert np.abs(made - wanted).max() <= 2


def test_the_inverse_returns():
    there = dct.forward(blocks())
    back = dct.inverse((there + 4) >> 3)
    assert (back - blocks()).abs().max() <= 2
