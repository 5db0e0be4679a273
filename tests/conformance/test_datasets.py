"""Every row of the tables reads small files in the published format: pixels, labels, order, errors."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from prunekit.data import cifar
from prunekit.data.augment import AUGMENTS
from prunekit.data.datasets import DATASETS, SHIFTED, open_dataset
from prunekit.data.load import load_distribution
from prunekit.distribution import parse
from prunekit.errors import UsageError
from prunekit.tasks import TASKS

PUBLISHED = runpy.run_path(str(Path(__file__).parents[1] / "data" / "datasets" / "published.py"))
DOWNLOADED = [name for name in DATASETS if name != "digits"]
SHIFTED_WRITERS = {
    "cifar10-c": lambda root: PUBLISHED["write_cifar_c"](root, "CIFAR-10-C"),
    "cifar100-c": lambda root: PUBLISHED["write_cifar_c"](root, "CIFAR-100-C", classes=100),
    "imagenet-c": lambda root: {
        severity: PUBLISHED["write_class_folders"](
            root / "imagenet-c" / "fog" / str(severity), size=(224, 224), seed=severity
        )
        for severity in (1, 3)
    },
}


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    """The binary readers know how many records a file has: here there are fewer."""
    monkeypatch.setitem(cifar.BINARIES["cifar10"].file_records, "train", PUBLISHED["RECORDS"])
    monkeypatch.setitem(cifar.BINARIES["cifar10"].file_records, "test", PUBLISHED["RECORDS"])
    for split in ("train", "test"):
        monkeypatch.setitem(cifar.BINARIES["cifar100"].file_records, split, 6)


def _check(examples, images, labels):
    found_images, found_labels = examples.take(torch.arange(len(examples)))
    assert found_images.dtype == torch.uint8
    assert found_labels.dtype == torch.int64
    assert found_labels.tolist() == np.asarray(labels).tolist()
    assert np.array_equal(found_images.numpy(), images)


@pytest.mark.parametrize("name", DOWNLOADED)
def test_a_reader_finds_what_was_published(tmp_path, name):
    expected = PUBLISHED["WRITERS"][name](tmp_path)
    dataset = open_dataset(name, tmp_path)
    assert set(dataset.splits) == set(expected)
    for split, (images, labels) in expected.items():
        _check(dataset.load(split), images, labels)
        assert images.shape[2:] == dataset.size


@pytest.mark.parametrize("name", SHIFTED)
def test_a_published_corruption_is_one_severity_of_one_file(tmp_path, name):
    for severity, (images, labels) in SHIFTED_WRITERS[name](tmp_path).items():
        _check(load_distribution(parse(f"{name}/fog@{severity}"), tmp_path), images, labels)


@pytest.mark.parametrize("name", [*DOWNLOADED, *(f"{name}/fog@3" for name in SHIFTED)])
def test_missing_data_are_named_with_their_place_and_the_command(tmp_path, name):
    with pytest.raises(UsageError) as found:
        load_distribution(parse(name), tmp_path)
    line = str(found.value)
    own = name.partition("/")[0]
    assert f"data set {own} is missing: there is no {tmp_path}" in line
    assert f"`prunekit data get {own}`" in line
    assert "\n" not in line


@pytest.mark.parametrize("name", [name for name in DATASETS if "train" in DATASETS[name].splits])
def test_a_training_set_has_a_validation_share(tmp_path, name):
    expected = PUBLISHED["WRITERS"].get(name, lambda root: None)(tmp_path)
    train, valid = (
        load_distribution(parse(f"{name}:{split}"), tmp_path, seed=1, valid_fraction=0.5)
        for split in ("train", "valid")
    )
    count = 1438 if expected is None else len(expected["train"][0])
    assert len(train) + len(valid) == count
    assert len(valid) > 0


@pytest.mark.parametrize("name", DATASETS)
def test_a_row_is_complete(name):
    row = DATASETS[name]
    assert row.task in TASKS
    assert row.augment in AUGMENTS
    assert len(set(row.classes)) == len(row.classes) > 1
    assert all(0 < mean < 1 for mean in row.mean)
    assert all(0 < std < 1 for std in row.std)
    assert "test" in row.splits
    assert row.source


@pytest.mark.parametrize("name", SHIFTED)
def test_published_corruptions_belong_to_a_data_set(name):
    assert SHIFTED[name].of in DATASETS
