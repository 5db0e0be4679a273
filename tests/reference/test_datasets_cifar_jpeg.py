"""``folder:`` on real CIFAR-10 images, against what is published about CIFAR-10."""

import tarfile
from pathlib import Path

import pytest
import torch

from prunekit.data.datasets import DATASETS, open_dataset
from prunekit.data.load import load_distribution
from prunekit.distribution import parse

ARCHIVE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "cifar10-jpeg.tar.xz"
IMAGES = {"train": 100, "test": 20}

pytestmark = pytest.mark.skipif(
    not ARCHIVE.exists(), reason="the real CIFAR-10 JPEGs are not beside the repository"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The first images of every class."""
    target, count = tmp_path_factory.mktemp("cifar"), {}
    with tarfile.open(ARCHIVE) as tar:
        for member in tar:
            parts = Path(member.name).parts[-3:]
            if member.isfile() and count.get(parts[:2], 0) < IMAGES[parts[0]]:
                count[parts[:2]] = count.get(parts[:2], 0) + 1
                place = target.joinpath(*parts)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(tar.extractfile(member).read())
            if sum(count.values()) == 10 * sum(IMAGES.values()):
                break
    return target


def test_classes_and_statistics_are_those_of_cifar10(folder, tmp_path):
    dataset, published = open_dataset(f"folder:{folder}", tmp_path), DATASETS["cifar10"]
    assert dataset.classes == published.classes
    assert (dataset.size, dataset.augment) == (published.size, published.augment)
    assert dataset.load("train").labels.bincount().tolist() == [100] * 10
    # 1,000 of 50,000 images: the published mean within 0.02. (The published std is an average of the images' own.)
    assert dataset.mean == pytest.approx(published.mean, abs=0.02)
    assert dataset.std == pytest.approx((0.247, 0.243, 0.262), abs=0.01)


@pytest.mark.parametrize("shift", ["fog@3", "jpeg_compression@5"])
def test_corruptions_apply_to_a_folder(folder, tmp_path, shift):
    nominal, shifted = (
        load_distribution(parse(f"folder:{folder}{text}"), tmp_path) for text in ("", f"+{shift}")
    )
    assert shifted.images.shape == nominal.images.shape == (200, 3, 32, 32)
    assert torch.equal(shifted.labels, nominal.labels)
    changed = (shifted.images != nominal.images).flatten(1).any(dim=1)
    assert changed.all()
