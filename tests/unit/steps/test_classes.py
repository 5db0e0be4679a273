"""How a new network sees splits of different sizes: nobody is measured on images that were resized unasked."""

import warnings

import pytest
from PIL import Image

from prunekit.data.datasets import open_dataset
from prunekit.data.preprocessing import Preprocessing
from prunekit.errors import UsageError
from prunekit.params import TrainParams
from prunekit.steps.classes import seen_with


@pytest.fixture
def opened(folder, tmp_path):
    for path in (folder / "test").rglob("*.png"):
        Image.open(path).resize((20, 16)).save(path)
    return open_dataset(f"folder:{folder}", tmp_path / "data")


def see(own, **fields):
    params = TrainParams(arch="resnet8", dataset=own.name, **fields)
    return seen_with(own, Preprocessing.of(own), params)


def test_splits_of_two_sizes_are_refused_with_the_flag_that_says_which(opened):
    expected = "the train images have 8x8 pixels, the test images 16x20: .* --image-size 8,8"
    with pytest.raises(UsageError, match=expected):
        see(opened)


@pytest.mark.parametrize("fields", [{"image_size": (8,)}, {"image_size": (16, 20)}, {"resize": 8}])
def test_who_says_what_the_network_takes_is_not_asked(opened, fields):
    sides = fields.get("image_size", (8,))
    assert see(opened, **fields).size == (sides[0], sides[-1])


@pytest.mark.parametrize(
    ("fields", "said"), [({}, 1), ({"image_size": (12,)}, 0), ({"crop": "squash"}, 0), ({"resize": 12}, 0)]
)
def test_the_rule_for_several_sizes_is_said_where_it_is_the_rule(folder, tmp_path, fields, said):
    first = next((folder / "train").rglob("*.png"))
    Image.open(first).resize((20, 16)).save(first)
    own = open_dataset(f"folder:{folder}", tmp_path / "data")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        see(own, **fields)
    assert len([each for each in seen if "of several sizes" in str(each.message)]) == said


def test_a_network_with_a_size_of_its_own_is_not_asked(opened):
    base = Preprocessing.of(opened)._replace(size=(32, 32))
    params = TrainParams(arch="resnet8", dataset=opened.name)
    assert seen_with(opened, base, params).size == (32, 32)
