"""What a data set of the user's own is given."""

import pytest
import torch

from prunekit.data.augment import AUGMENTS
from prunekit.data.examples import ArrayExamples
from prunekit.data.own import HELD_BYTES, held, own_dataset

EXAMPLES = ArrayExamples(torch.arange(24, dtype=torch.uint8).reshape(2, 3, 2, 2), torch.arange(2))


def _own(keep, size, load=lambda split: EXAMPLES):
    return own_dataset(
        "folder:x",
        classes=("a", "b"),
        size=size,
        splits=("train", "test"),
        load=load,
        keep=keep,
        key="k",
        contents="c",
    )


@pytest.mark.parametrize(("size", "augment"), [((32, 32), "crop-flip"), ((32, 100), "resized-crop-flip")])
def test_the_augmentation_goes_by_the_longer_side(tmp_path, size, augment):
    assert _own(tmp_path, size).augment == augment
    assert augment in AUGMENTS


def test_statistics_are_measured_once(tmp_path):
    first = _own(tmp_path, (2, 2))
    again = _own(tmp_path, (2, 2), load=lambda split: pytest.fail("the images were read again"))
    assert (again.mean, again.std) == (first.mean, first.std)


def test_what_is_held_is_what_fits():
    most = HELD_BYTES // (3 * 32 * 32)
    assert held(most, (32, 32))
    assert not held(most + 1, (32, 32))
