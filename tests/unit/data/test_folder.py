"""``folder:PATH`` in memory, in files, and from the cache."""

import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from prunekit.data import folder as module
from prunekit.data import own
from prunekit.data.datasets import check_dataset, open_dataset
from prunekit.data.examples import ArrayExamples, FileExamples
from prunekit.data.glance import Glance, glance
from prunekit.data.images import viewed
from prunekit.data.load import load_distribution
from prunekit.data.preprocessing import View
from prunekit.distribution import parse
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
    with pytest.raises(UsageError, match="only one colour"):
        _open(tmp_path / "flat", tmp_path)


def test_a_glance_reads_names_and_one_header(folder):
    size = (8, 8)
    expected = Glance("classification", 2, size, "crop-flip", {"train": 6, "test": 4})
    assert glance(f"folder:{folder}") == expected
    with pytest.raises(UsageError, match="there is no such folder"):
        glance("folder:nowhere")


def _sized(folder, sizes, splits=("train", "test")):
    """A folder of two classes whose images cycle through ``sizes`` (W, H)."""
    for split in splits:
        for label, name in enumerate(("cat", "dog")):
            (folder / split / name).mkdir(parents=True)
            for place in range(3):
                draws = np.random.default_rng(10 * label + place + (split == "test"))
                width, height = sizes[place % len(sizes)]
                pixels = draws.integers(0, 256, (height, width, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{place}.png")
    return folder


def test_images_of_several_sizes_are_scaled_to_a_square_of_the_median_side(tmp_path):
    dataset = _open(_sized(tmp_path / "photos", [(70, 90), (120, 66), (64, 200)]), tmp_path)
    assert dataset.size == (64, 64)
    images = dataset.load("test").images
    assert images.shape == (6, 3, 64, 64)
    expected = viewed(Image.open(tmp_path / "photos" / "test" / "dog" / "1.png"), View((64, 64)))
    assert np.array_equal(images[4].permute(1, 2, 0).numpy(), np.asarray(expected))
    for name, view in (("folder", None), ("folder", View((40, 40), 48, interpolation="bicubic"))):
        distribution = parse(f"{name}:{tmp_path / 'photos'}+fog@3")
        found, _ = load_distribution(distribution, tmp_path / "data", view=view).take(torch.arange(2))
        assert found.shape[2:] == (view or View((64, 64))).size


@pytest.mark.parametrize(
    ("sizes", "side"), [([(500, 400)], 224), ([(300, 250), (20, 20)], 224), ([(33, 50)], 32), ([(8, 9)], 32)]
)
def test_the_square_is_of_the_median_shorter_side(sizes, side):
    assert module.square(sizes) == (side, side)


def test_test_images_of_another_size_are_seen_at_the_training_images_size(folder, tmp_path):
    for path in (folder / "test").rglob("*.png"):
        Image.open(path).resize((20, 16)).save(path)
    dataset = _open(folder, tmp_path)
    assert (dataset.size, dataset.at) == ((8, 8), None)
    found, _ = load_distribution(parse(f"folder:{folder}"), tmp_path / "data").take(torch.arange(4))
    assert found.shape == (4, 3, 8, 8)


def test_files_of_several_sizes_too_many_to_hold_give_the_same_images(tmp_path, monkeypatch):
    photos = _sized(tmp_path / "photos", [(70, 90), (120, 66)])
    held = _open(photos, tmp_path).load("test").images
    monkeypatch.setattr(own, "HELD_BYTES", 100)
    read = open_dataset(f"folder:{photos}", tmp_path / "other").load("test")
    assert isinstance(read, FileExamples)
    assert torch.equal(read.take(torch.arange(6))[0], held)


def test_val_is_valid_and_without_a_test_folder_it_is_the_test_split(folder, tmp_path):
    shutil.copytree(folder / "test", folder / "val")
    assert _open(folder, tmp_path).splits == ("train", "valid", "test")
    shutil.rmtree(folder / "test")
    again = _open(folder, tmp_path)
    assert again.splits == ("train", "test")
    assert len(again.load("test")) == 4


@pytest.mark.parametrize("layout", ["test", "."])
def test_a_folder_of_tests_alone_is_a_distribution_and_nothing_to_train_on(layout, folder, tmp_path):
    night = shutil.copytree(folder / "test", tmp_path / "night" / layout, dirs_exist_ok=True)
    dataset = _open(tmp_path / "night", tmp_path)
    assert dataset.splits == ("test",)
    assert len(dataset.load("test")) == 4
    assert night
    check_dataset(f"folder:{tmp_path / 'night'}")
    with pytest.raises(UsageError, match="has no train/ folder"):
        check_dataset(f"folder:{tmp_path / 'night'}", split="train")
