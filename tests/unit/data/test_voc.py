"""Label maps: scaled with their images, and what can be wrong with them."""

import numpy as np
import pytest
import torch
from PIL import Image

from prunekit.data.voc import load
from prunekit.errors import UsageError

FIRST = "SegmentationClass/2008_000002.png"


@pytest.fixture
def folder(tmp_path, published):
    published["write_voc"](tmp_path / "VOCdevkit" / "VOC2012", size=(20, 30))
    return tmp_path / "VOCdevkit" / "VOC2012"


def _take(folder, size=30):
    return load(folder.parents[1], "test", name="voc2012", size=size).take(torch.tensor([0]))


def test_images_and_labels_are_scaled_together(folder):
    labels = np.zeros((20, 30), dtype=np.uint8)
    labels[:, 15:] = 7
    Image.fromarray(labels).save(folder / FIRST)
    image, found = _take(folder, size=60)
    assert image.shape == (1, 3, 60, 60)
    assert found[0, :40, :30].unique().tolist() == [0]
    assert found[0, :40, 30:].unique().tolist() == [7]


def test_what_is_left_of_the_square_is_black_and_not_counted(folder):
    image, labels = _take(folder)
    assert labels[0, 20:].unique().tolist() == [255]
    assert image[0, :, 20:].max() == 0


def test_labels_are_never_blended(folder):
    _, labels = _take(folder, size=17)
    assert set(labels.unique().tolist()) <= {*range(21), 255}


def _write(path, labels):
    Image.fromarray(labels).save(path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: _write(path, np.full((20, 30), 21, dtype=np.uint8)), "neither 0 to 20 nor 255"),
        (lambda path: _write(path, np.zeros((20, 30, 3), dtype=np.uint8)), "mode is RGB"),
        (lambda path: _write(path, np.zeros((9, 30), dtype=np.uint8)), r"labels \(9, 30\) pixels"),
        (lambda path: path.write_text("<html>"), "unreadable label map"),
        (lambda path: path.unlink(), "unreadable label map"),
    ],
)
def test_a_damaged_label_map_is_named(folder, damage, message):
    damage(folder / FIRST)
    with pytest.raises(UsageError, match=message) as found:
        _take(folder)
    assert "2008_000002" in str(found.value)


def test_a_damaged_sbd_file_is_named(tmp_path, published):
    published["write_sbd"](tmp_path, size=(20, 30))
    path = tmp_path / "benchmark_RELEASE" / "dataset" / "cls" / "2008_000002.mat"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UsageError, match=r"2008_000002\.mat is damaged"):
        load(tmp_path, "test", name="sbd", size=30).take(torch.tensor([0]))


def test_an_empty_list_is_told(folder):
    (folder / "ImageSets" / "Segmentation" / "val.txt").write_text("")
    with pytest.raises(UsageError, match=r"val\.txt lists no images"):
        _take(folder)
