"""The digits: their split, their enlargement, their statistics."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from prunekit.data.datasets import DATASETS
from prunekit.data.digit_pixels import enlarge, read
from prunekit.data.digits import load

ROOT = Path("not-read")


@pytest.fixture(scope="module")
def splits():
    return {split: load(ROOT, split) for split in ("train", "test")}


def test_every_digit_is_in_one_split(splits):
    together = torch.cat([splits[name].images[:, 0].flatten(1) for name in ("train", "test")])
    assert len(together) == 1797
    assert {name: len(split) for name, split in splits.items()} == {"train": 1438, "test": 359}
    assert splits["test"].labels.bincount().tolist() == [36, 36, 35, 37, 36, 36, 36, 36, 35, 36]


def test_images_are_three_equal_channels(splits):
    images = splits["test"].images
    assert (images.shape[1:], images.dtype) == ((3, 32, 32), torch.uint8)
    assert torch.equal(images[:, 0], images[:, 1])
    assert torch.equal(images[:, 0], images[:, 2])


def test_the_bytes_never_change(splits):
    # Stored results name "digits": other pixels would be another data set under the same name.
    data = splits["test"].images.numpy().tobytes() + splits["test"].labels.numpy().tobytes()
    assert sha256(data).hexdigest() == "52c9cafeb0ae6629dea992236a5de1c929e68a3743e329012115b0d01d3428d3"


def test_the_installed_table_is_what_scikit_learn_gives(monkeypatch):
    direct = read()
    monkeypatch.setattr("prunekit.data.digit_pixels.TABLE", ("nowhere",))
    for found, expected in zip(direct, read(), strict=True):
        assert np.array_equal(found, expected)


def test_enlarging_is_bilinear_with_aligned_pixel_centres():
    ink = np.random.default_rng(0).integers(0, 17, (5, 8, 8))
    pixels = torch.from_numpy(ink * 255 / 16)[:, None]
    expected = F.interpolate(pixels, scale_factor=4, mode="bilinear", align_corners=False)[:, 0]
    assert np.abs(enlarge(ink) - expected.numpy()).max() <= 0.5


def test_full_ink_is_white():
    assert (enlarge(np.full((1, 8, 8), 16)) == 255).all()


def test_the_table_has_the_statistics_of_the_training_images(splits):
    pixels = splits["train"].images.double() / 255
    row = DATASETS["digits"]
    assert pixels.mean(dim=(0, 2, 3)).tolist() == pytest.approx(row.mean, abs=5e-5)
    assert pixels.std(dim=(0, 2, 3), unbiased=False).tolist() == pytest.approx(row.std, abs=5e-5)
