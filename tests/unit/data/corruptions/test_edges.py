import numpy as np
import pytest
import torch
from scipy import ndimage

from prunekit.data.corruptions.edges import canny, distance


def shortest(down, across):
    """The length of the shortest walk of straight, diagonal and knight's steps."""
    long, short = max(abs(down), abs(across)), min(abs(down), abs(across))
    if 2 * short <= long:
        return (long - 2 * short) + 2.1969 * short
    return 2.1969 * (long - short) + 1.4 * (2 * short - long)


@pytest.mark.parametrize("points", [[(0, 0)], [(5, 12)], [(3, 3), (14, 20), (17, 1)], []])
def test_distances_are_shortest_walks(points):
    marked = torch.zeros(18, 25, 1, dtype=torch.bool)
    for point in points:
        marked[point] = True
    made = distance(marked, far=20)[..., 0].numpy()
    wanted = np.full((18, 25), 20.0)
    for row in range(18):
        for column in range(25):
            walks = [shortest(row - r, column - c) for r, c in points]
            wanted[row, column] = min([20.0, *walks])
    np.testing.assert_allclose(made, wanted, atol=2e-4)


def test_a_step_has_one_thin_edge():
    image = torch.zeros(10, 12, 1, dtype=torch.int32)
    image[:, 6:] = 200
    found = canny(image, 50, 150)[..., 0]
    assert found.sum(1).tolist() == [1] * 10
    assert set(found.nonzero()[:, 1].tolist()) <= {5, 6}


def test_a_weak_edge_stays_only_where_it_meets_a_strong_one():
    image = torch.zeros(20, 40, 2, dtype=torch.int32)
    image[:, 20:] = 30
    image[:6, 20:, 0] = 200
    found = canny(image, 50, 150)
    assert found[12:, :, 0].any()
    assert not found[..., 1].any()


def test_each_piece_of_the_edges_holds_a_strong_pixel():
    noise = np.random.default_rng(5).normal(120, 60, (32, 32))
    image = torch.from_numpy(ndimage.gaussian_filter(noise, 1.2)).clamp(0, 255).int()[..., None]
    strict, loose, both = (canny(image, *pair)[..., 0].numpy() for pair in ((90, 90), (20, 20), (20, 90)))
    pieces, count = ndimage.label(loose, np.ones((3, 3)))
    kept = [piece for piece in range(1, count + 1) if (strict & (pieces == piece)).any()]
    assert 0 < len(kept) < count
    assert np.array_equal(both, np.isin(pieces, kept))
