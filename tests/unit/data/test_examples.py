"""Examples in memory and in files behave alike."""

import pytest
import torch

from prunekit.data.examples import AHEAD, ArrayExamples, FileExamples, taken
from prunekit.errors import UsageError

IMAGES = torch.arange(6 * 3 * 2 * 2, dtype=torch.uint8).reshape(6, 3, 2, 2)
LABELS = torch.tensor([0, 1, 0, 1, 2, 2])


def _read(item):
    return IMAGES[item], LABELS[item]


@pytest.fixture(params=["array", "file"])
def examples(request):
    if request.param == "array":
        return ArrayExamples(IMAGES, LABELS)
    return FileExamples(range(6), LABELS, _read)


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


def test_parts_come_in_order_and_a_few_are_read_ahead():
    read = []

    def slow(item):
        read.append(item)
        return torch.full((3, 2, 2), item, dtype=torch.uint8), torch.tensor(item)

    files = FileExamples(list(range(40)), torch.arange(40), slow)
    parts = taken(files, torch.randperm(40, generator=torch.Generator().manual_seed(0)).split(4))
    first, _ = next(parts)
    assert len(read) <= 4 * (AHEAD + 1)  # memory is bounded
    rest = [labels for _, labels in parts]
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    assert torch.cat([first[:, 0, 0, 0], *rest]).tolist() == order.tolist()


def test_many_images_come_in_the_order_asked_for():
    def read(item):
        return torch.full((3, 2, 2), item, dtype=torch.uint8), torch.full((2, 2), item)

    places = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    images, labels = FileExamples(range(100), torch.zeros(100), read).take(places)
    assert torch.equal(images, places.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 2, 2))
    assert torch.equal(labels, places.view(-1, 1, 1).expand(-1, 2, 2))


def test_images_of_two_sizes_are_never_stretched_into_one_batch():
    def read(item):
        return torch.zeros(3, 1 if item == 30 else 4, 4, dtype=torch.uint8), torch.tensor(0)

    with pytest.raises(ValueError, match=r"30: \[3, 1, 4\], not \[3, 4, 4\]"):
        FileExamples(range(40), torch.zeros(40), read).take(torch.arange(40))


def test_an_unreadable_file_ends_the_reading_by_its_name():
    def broken(item):
        raise UsageError(f"unreadable image {item}")

    with pytest.raises(UsageError, match="unreadable image 0"):
        list(taken(FileExamples([0], torch.zeros(1), broken), [torch.tensor([0])]))


def test_what_is_held_is_not_read_ahead():
    held = ArrayExamples(torch.zeros(4, 3, 2, 2, dtype=torch.uint8), torch.arange(4))
    found = [labels.tolist() for _, labels in taken(held, torch.arange(4).split(3))]
    assert found == [[0, 1, 2], [3]]
