"""Channel statistics by hand."""

import pytest
import torch

from prunekit.data.examples import ArrayExamples
from prunekit.data.statistics import channel_statistics


def test_two_pixels_by_hand():
    images = torch.tensor([[0, 255], [0, 51], [51, 153]], dtype=torch.uint8).T.reshape(2, 3, 1, 1)
    mean, std = channel_statistics(ArrayExamples(images, torch.zeros(2)))
    assert mean == pytest.approx((0.5, 0.1, 0.4))
    assert std == pytest.approx((0.5, 0.1, 0.2))


def test_more_images_than_one_chunk(monkeypatch):
    monkeypatch.setattr("prunekit.data.statistics.CHUNK", 3)
    images = torch.randint(
        0, 256, (10, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    mean, _ = channel_statistics(ArrayExamples(images, torch.zeros(10)))
    assert mean == pytest.approx((images.double() / 255).mean(dim=(0, 2, 3)).tolist())


def test_one_flat_channel_is_not_one_colour():
    images = torch.randint(
        0, 256, (3, 3, 4, 4), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    images[:, 2] = 51
    mean, std = channel_statistics(ArrayExamples(images, torch.zeros(3, dtype=torch.int64)))
    assert (mean[2], std[2]) == (0.2, 1.0)
    assert 0 < std[0] < 1
