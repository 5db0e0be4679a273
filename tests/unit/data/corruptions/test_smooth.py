import numpy as np
import pytest
import torch
from scipy import ndimage

from prunekit.data.corruptions.borders import edge, symmetric
from prunekit.data.corruptions.smooth import apply_axes, correlate, gaussian, gaussian_matrix

RANDOM = np.random.default_rng(0)
BLOCK = RANDOM.random((3, 13, 10, 2))


def each_plane(function, block):
    return np.stack([np.stack([function(plane[..., n]) for n in range(2)], -1) for plane in block])


@pytest.mark.parametrize("sigma", [0.05, 0.25, 0.4, 0.7, 1, 2.5, 6])
def test_the_filter_is_scipys(sigma):
    wanted = each_plane(lambda plane: ndimage.gaussian_filter(plane, sigma, mode="nearest"), BLOCK)
    assert np.array_equal(gaussian(torch.from_numpy(BLOCK), sigma).numpy(), wanted)


def test_float32_is_stored_after_each_pass():
    block = BLOCK.astype(np.float32)
    wanted = each_plane(lambda plane: ndimage.gaussian_filter(plane, 0.6, mode="nearest"), block)
    assert np.array_equal(gaussian(torch.from_numpy(block), 0.6).numpy(), wanted)


@pytest.mark.parametrize(("border", "mode"), [(edge, "nearest"), (symmetric, "reflect")])
@pytest.mark.parametrize("sigma", [0.96, 6.4, 30])
def test_a_matrix_does_the_same(sigma, border, mode):
    rows, columns = (gaussian_matrix(size, sigma, truncate=3, border=border) for size in (13, 10))
    wanted = each_plane(lambda plane: ndimage.gaussian_filter(plane, sigma, mode=mode, truncate=3), BLOCK)
    np.testing.assert_allclose(apply_axes(rows, columns, torch.from_numpy(BLOCK)).numpy(), wanted, atol=1e-13)


@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (17, 17)])
def test_correlation_is_scipys(shape):
    kernel = RANDOM.random(shape)
    wanted = each_plane(lambda plane: ndimage.correlate(plane, kernel, mode="mirror"), BLOCK)
    made = correlate(torch.from_numpy(BLOCK), torch.from_numpy(kernel))
    np.testing.assert_allclose(made.numpy(), wanted, atol=1e-12)
