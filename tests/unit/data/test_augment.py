"""Augmentation against its plain version: pad, crop, mirror, one image at a time."""

import pytest
import torch
from torch.nn import functional as F

from prunekit.data.augment import AUGMENTS, PADDING, rows


def _images(count: int = 6, side: int = 8) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=draw)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _plain_shift(images: torch.Tensor, draws) -> torch.Tensor:
    made = []
    for image, (top, left), flip in zip(images, draws["shift"].tolist(), draws["flip"].tolist(), strict=True):
        padded = F.pad(image, (PADDING,) * 4)
        crop = padded[:, top : top + image.shape[1], left : left + image.shape[2]]
        made.append(crop.flip(-1) if flip else crop)
    return torch.stack(made)


@pytest.mark.parametrize("name", ["crop", "crop-flip"])
def test_crops_are_those_of_the_plain_version(name: str) -> None:
    images, labels = _images(64), torch.arange(64)
    draws = AUGMENTS[name].draw(64, (8, 8), _generator())
    made, same_labels = AUGMENTS[name].apply(images, labels, draws)
    assert torch.equal(made, _plain_shift(images, draws))
    assert torch.equal(same_labels, labels)
    assert draws["flip"].any() == (name == "crop-flip")
    assert draws["shift"].unique().tolist() == list(range(2 * PADDING + 1))


@pytest.mark.parametrize("name", AUGMENTS)
def test_equal_generators_give_equal_images_of_the_same_shape(name: str) -> None:
    images, labels = _images(), torch.arange(6)
    first, again, other = (
        AUGMENTS[name].apply(images, labels, AUGMENTS[name].draw(6, (8, 8), _generator(seed)))[0]
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert first.shape == images.shape
    assert first.dtype == torch.uint8
    assert torch.equal(first, other) == (name == "none")


@pytest.mark.parametrize("name", AUGMENTS)
def test_an_image_is_treated_alike_in_any_batch(name: str) -> None:
    images, labels = _images(), torch.arange(6)
    augment = AUGMENTS[name]
    draws = augment.draw(6, (8, 8), _generator())
    whole = augment.apply(images, labels, draws)[0]
    some = torch.tensor([4, 1])
    assert torch.equal(augment.apply(images[some], labels[some], rows(draws, some))[0], whole[some])


@pytest.mark.parametrize("name", AUGMENTS)
def test_the_images_given_are_not_changed(name: str) -> None:
    images = _images()
    before = images.clone()
    AUGMENTS[name].apply(images, torch.arange(6), AUGMENTS[name].draw(6, (8, 8), _generator()))
    assert torch.equal(images, before)


def test_crops_come_out_channels_last() -> None:
    draws = AUGMENTS["crop-flip"].draw(6, (8, 8), _generator())
    made, _ = AUGMENTS["crop-flip"].apply(_images(), torch.arange(6), draws)
    assert made.is_contiguous(memory_format=torch.channels_last)


def test_the_whole_box_is_the_image_itself() -> None:
    images = _images()
    draws = {"extent": torch.ones(6, 2), "centre": torch.zeros(6, 2)}
    assert torch.equal(AUGMENTS["resized-crop-flip"].apply(images, torch.arange(6), draws)[0], images)


def test_a_mirrored_box_mirrors_image_and_label_map_alike() -> None:
    images = _images()
    maps = images[:, 0].long() % 21
    draws = {"extent": torch.tensor([[-1.0, 1.0]]).expand(6, 2), "centre": torch.zeros(6, 2)}
    made, made_maps = AUGMENTS["segment"].apply(images, maps, draws)
    assert torch.equal(made, images.flip(-1))
    assert torch.equal(made_maps, maps.flip(-1))


def test_outside_the_image_a_label_map_is_ignored_and_the_image_black() -> None:
    images = torch.full((1, 3, 8, 8), 200, dtype=torch.uint8)
    maps = torch.zeros(1, 8, 8, dtype=torch.int64)
    draws = {"extent": torch.full((1, 2), 2.0), "centre": torch.zeros(1, 2)}
    made, made_maps = AUGMENTS["segment"].apply(images, maps, draws)
    assert made_maps.unique().tolist() == [0, 255]
    assert (made_maps == 0).sum() == 16
    assert made[0, :, 0, 0].tolist() == [0, 0, 0]


def test_boxes_lie_within_the_image_and_have_the_published_areas() -> None:
    draws = AUGMENTS["resized-crop-flip"].draw(2000, (8, 8), _generator())
    extent = draws["extent"].abs()
    assert (extent + draws["centre"].abs() <= 1 + 1e-6).all()
    area = extent.prod(dim=1)
    assert area.min() >= 0.07
    assert area.max() <= 1
    assert draws["extent"][:, 0].sign().mean().abs() < 0.1
