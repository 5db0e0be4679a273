"""``folder:PATH`` in memory, in files, and from the cache."""

import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from prunekit.data import folder as module
from prunekit.data import own
from prunekit.data.datasets import open_dataset
from prunekit.data.examples import ArrayExamples, FileExamples
from prunekit.data.glance import Glance, glance
from prunekit.errors import UsageError


def _open(folder, tmp_path):
    return open_dataset(f"folder:{folder}", tmp_path / "data")


def test_classes_are_the_folder_names_sorted(folder, tmp_path):
    dataset = _open(folder, tmp_path)
    assert dataset.classes == ("cat", "dog")
    assert dataset.size == (8, 8)
    assert dataset.splits == ("train", "test")
    assert dataset.load("test").labels.tolist() == [0, 0, 1, 1]


def test_images_are_in_order_of_class_then_name(folder, tmp_path):
    images = _open(folder, tmp_path).load("train").images
    expected = np.asarray(Image.open(folder / "train" / "dog" / "1.png"))
    assert np.array_equal(images[4].permute(1, 2, 0).numpy(), expected)


def test_statistics_are_of_the_training_pixels(folder, tmp_path):
    dataset = _open(folder, tmp_path)
    pixels = dataset.load("train").images.double() / 255
    assert dataset.mean == pytest.approx(pixels.mean(dim=(0, 2, 3)).tolist())
    assert dataset.std == pytest.approx(pixels.std(dim=(0, 2, 3), unbiased=False).tolist())


def test_contents_are_those_of_the_files_wherever_the_folder_is(folder, tmp_path):
    before = _open(folder, tmp_path).contents
    moved = shutil.copytree(folder, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    assert _open(moved, tmp_path).contents == before
    (moved / "test" / "dog" / "1.png").rename(moved / "test" / "cat" / "9.png")
    assert _open(moved, tmp_path).contents != before


def test_a_set_too_large_to_hold_is_read_from_files_and_is_the_same(folder, tmp_path, monkeypatch):
    held = _open(folder, tmp_path)
    expected = held.load("train")
    monkeypatch.setattr(own, "HELD_BYTES", 100)
    read = open_dataset(f"folder:{folder}", tmp_path / "other")
    assert isinstance(expected, ArrayExamples)
    assert isinstance(read.load("train"), FileExamples)
    assert (read.mean, read.std) == (held.mean, held.std)
    for found, held_part in zip(
        read.load("train").take(torch.arange(6)), expected.take(torch.arange(6)), strict=True
    ):
        assert torch.equal(found, held_part)


def test_sizes_are_checked_before_files_are_read(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(own, "HELD_BYTES", 100)
    Image.new("RGB", (5, 5)).save(folder / "test" / "dog" / "1.png")
    with pytest.raises(UsageError, match="images of several sizes"):
        _open(folder, tmp_path).load("test")


def test_a_second_opening_decodes_nothing(folder, tmp_path, monkeypatch):
    first = _open(folder, tmp_path).load("train").images
    monkeypatch.setattr(module, "decode_all", None)
    assert torch.equal(_open(folder, tmp_path).load("train").images, first)


def test_a_changed_image_is_decoded_again(folder, tmp_path):
    before = _open(folder, tmp_path).load("train").images[0]
    path = folder / "train" / "cat" / "0.png"
    shutil.copy(folder / "train" / "dog" / "0.png", path)
    os.utime(path, ns=(0, 1))
    after = _open(folder, tmp_path).load("train").images
    assert not torch.equal(after[0], before)
    assert torch.equal(after[0], after[3])


def test_published_validation_images_are_a_split(folder, tmp_path):
    shutil.copytree(folder / "test", folder / "valid")
    dataset = _open(folder, tmp_path)
    assert dataset.splits == ("train", "valid", "test")
    assert len(dataset.load("valid")) == 4


def test_images_of_one_colour_cannot_be_normalised(tmp_path):
    for split in ("train", "test"):
        (tmp_path / "flat" / split / "a").mkdir(parents=True)
        Image.new("RGB", (4, 4), (9, 9, 9)).save(tmp_path / "flat" / split / "a" / "0.png")
    with pytest.raises(UsageError, match="of one colour"):
        _open(tmp_path / "flat", tmp_path)


def test_a_glance_reads_names_and_one_header(folder):
    size = (8, 8)
    expected = Glance("classification", 2, size, "crop-flip", {"train": 6, "test": 4})
    assert glance(f"folder:{folder}") == expected
    with pytest.raises(UsageError, match="there is no such folder"):
        glance("folder:nowhere")
