"""Examples in memory and in files behave alike."""

import pytest
import torch

from prunekit.data.examples import ArrayExamples, FileExamples

IMAGES = torch.arange(6 * 3 * 2 * 2, dtype=torch.uint8).reshape(6, 3, 2, 2)
LABELS = torch.tensor([0, 1, 0, 1, 2, 2])


def _read(item):
    return IMAGES[item], LABELS[item]


@pytest.fixture(params=["array", "file"])
def examples(request):
    if request.param == "array":
        return ArrayExamples(IMAGES, LABELS)
    return FileExamples(range(6), LABELS, _read, threads=2)


def test_take_gives_the_images_asked_for_in_their_order(examples):
    images, labels = examples.take(torch.tensor([4, 0]))
    assert torch.equal(images, IMAGES[[4, 0]])
    assert labels.tolist() == [2, 0]


def test_a_subset_counts_from_its_own_start(examples):
    part = examples.subset(torch.tensor([5, 3, 1]))
    assert len(part) == 3
    assert part.strata.tolist() == [2, 1, 1]
    assert torch.equal(part.take(torch.tensor([1]))[0], IMAGES[[3]])


def test_a_subset_of_a_subset(examples):
    part = examples.subset(torch.tensor([5, 3, 1])).subset(torch.tensor([2]))
    assert torch.equal(part.take(torch.tensor([0]))[0], IMAGES[[1]])


def test_taken_images_are_copies(examples):
    images, _ = examples.take(torch.tensor([0]))
    images.zero_()
    assert IMAGES[0].sum() > 0


def test_examples_move_to_a_device_whole(examples):
    images, labels = examples.to("cpu").take(torch.arange(6))
    assert torch.equal(images, IMAGES)
    assert torch.equal(labels, LABELS)


def test_labels_per_pixel_have_no_strata():
    examples = ArrayExamples(IMAGES, torch.ones(6, 2, 2, dtype=torch.int64))
    assert examples.strata.tolist() == [0] * 6


def test_nothing_can_be_taken(examples):
    images, labels = examples.subset(torch.arange(0)).take(torch.arange(0))
    assert (len(images), images.dtype, len(labels), labels.dtype) == (0, torch.uint8, 0, torch.int64)
