"""Names of data sets and distributions, checked before anything is read."""

import subprocess
import sys

import pytest

from prunekit.data.datasets import DATASETS, check_dataset, check_distribution, open_dataset
from prunekit.distribution import parse
from prunekit.errors import UsageError


def test_the_table_loads_without_torch():
    program = "import sys, prunekit.data.datasets; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_misspelt_data_set_gets_the_nearest_name():
    with pytest.raises(UsageError, match="unknown data set 'digit'; did you mean 'digits'"):
        check_dataset("digit")


def test_the_error_says_that_folders_are_allowed():
    with pytest.raises(UsageError, match="folder:PATH"):
        check_dataset("nothing-like-it")


def test_published_corruptions_are_not_a_data_set():
    with pytest.raises(UsageError, match="cifar10-c/fog@3"):
        check_dataset("cifar10-c")


@pytest.mark.parametrize(
    "text", ["digits", "digits:valid", "digits:train", "digits+fog@3", "cifar10-c/fog@3", "cifar10.1"]
)
def test_a_distribution_of_the_tables_passes(text):
    check_distribution(parse(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("digit+fog@3", "did you mean 'digits'"),
        ("cifar20-c/fog@3", "unknown published set of corruptions 'cifar20-c'"),
        ("cifar10.1:train", "unknown split of cifar10.1 'train'"),
        ("cifar10.1:valid", "unknown split of cifar10.1 'valid'"),
    ],
)
def test_a_wrong_part_of_a_distribution_is_named(text, message):
    with pytest.raises(UsageError, match=message):
        check_distribution(parse(text))


def test_an_open_data_set_has_its_row(tmp_path):
    dataset, row = open_dataset("digits", tmp_path), DATASETS["digits"]
    assert dataset.name == "digits"
    assert (dataset.task, dataset.classes, dataset.mean, dataset.std) == row[:4]
    assert (dataset.size, dataset.augment, dataset.splits) == row[4:7]
    assert len(dataset.load("test")) == 359


@pytest.mark.parametrize("name", ["cifar10.1", "objectnet"])
def test_a_test_set_is_not_trained_on(name, tmp_path):
    check_dataset(name)
    with pytest.raises(UsageError, match=r"split of .* 'train'"):
        check_dataset(name, split="train")
    with pytest.raises(UsageError, match=r"split of .* 'train'"):
        open_dataset(name, tmp_path).load("train")


def test_a_held_out_share_is_not_a_published_split(tmp_path):
    check_dataset("digits", split="valid")
    with pytest.raises(UsageError, match="unknown published split of digits 'valid'"):
        open_dataset("digits", tmp_path).load("valid")
