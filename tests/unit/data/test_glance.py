"""What is known of a data set before any of its files is there."""

import pytest

from prunekit.data.datasets import DATASETS
from prunekit.data.glance import Glance, glance
from prunekit.errors import UsageError


@pytest.mark.parametrize("name", DATASETS)
def test_every_published_data_set_says_how_many_images_its_splits_have(name):
    found = glance(name)
    assert set(found.images) == set(DATASETS[name].splits)
    assert all(count > 0 for count in found.images.values())
    assert found.classes == len(DATASETS[name].classes)


def test_the_table_s_row():
    images = {"train": 50_000, "test": 10_000}
    assert glance("cifar10") == Glance("classification", 10, (32, 32), "crop-flip", images)


def test_the_digits_are_as_many_as_said():
    row = DATASETS["digits"]
    assert glance("digits").images == {split: len(row.load(None, split)) for split in row.splits}


def test_an_unknown_name_lists_the_right_ones():
    with pytest.raises(UsageError, match="did you mean 'cifar10'"):
        glance("cifr10")
