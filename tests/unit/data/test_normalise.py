"""Bytes to normalised numbers, by hand."""

import pytest
import torch

from prunekit.data.datasets import Dataset
from prunekit.data.normalise import Normaliser

DATASET = Dataset(
    name="made",
    task="classification",
    classes=("a", "b"),
    mean=(0.1, 0.5, 0.3),
    std=(0.5, 0.25, 2.0),
    size=(2, 3),
    augment="none",
    splits=("test",),
    load=lambda split: pytest.fail("no image is read"),
)


def test_pixels_are_normalised_by_channel_and_laid_out_channels_last():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 1, 1, 3).expand(2, 3, 2, 3)
    normal = Normaliser(DATASET)(images)
    torch.testing.assert_close(normal[0, 0, 1], torch.tensor([-0.2, 0.2, 1.8]))
    torch.testing.assert_close(normal[1, 1, 0], torch.tensor([-2.0, -1.2, 2.0]))
    torch.testing.assert_close(normal[1, 2, 1], torch.tensor([-0.15, -0.05, 0.35]))
    assert normal.is_contiguous(memory_format=torch.channels_last)


def test_it_is_the_formula_to_rounding_and_leaves_the_bytes_alone():
    images = torch.randint(0, 256, (4, 3, 2, 3), dtype=torch.uint8)
    before = images.clone()
    mean, std = (
        torch.tensor(values, dtype=torch.float64).view(3, 1, 1) for values in (DATASET.mean, DATASET.std)
    )
    expected = ((images.double() / 255 - mean) / std).float()
    torch.testing.assert_close(Normaliser(DATASET)(images), expected, rtol=1e-6, atol=1e-6)
    assert images.equal(before)
