"""Images for robust training."""

import pytest
import torch

from prunekit.data.mixed import mix, mixed_epoch
from prunekit.errors import UsageError

IMAGES = torch.randint(
    0, 256, (300, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)


def test_about_one_image_in_six_stays_clean():
    changed = mixed_epoch(IMAGES, mixture="mix1", seed=0, epoch=0)
    clean = (changed == IMAGES).flatten(1).all(dim=1).float().mean().item()
    # 300 draws of 1/6: three standard deviations are 0.065.
    assert abs(clean - 1 / 6) < 0.065
    assert (changed.shape, changed.dtype) == (IMAGES.shape, torch.uint8)


def test_an_epoch_is_a_function_of_seed_and_epoch():
    first = mixed_epoch(IMAGES, mixture="mix1", seed=0, epoch=1)
    assert torch.equal(first, mixed_epoch(IMAGES, mixture="mix1", seed=0, epoch=1))
    for other in ({"seed": 0, "epoch": 2}, {"seed": 1, "epoch": 1}):
        assert not torch.equal(first, mixed_epoch(IMAGES, mixture="mix1", **other))


def test_a_batch_of_an_epoch_is_the_epoch_s_part():
    places = torch.tensor([250, 3, 77])
    whole = mixed_epoch(IMAGES, mixture="mix2", seed=5, epoch=3)
    assert torch.equal(mix(IMAGES[places], places, mixture="mix2", seed=5, epoch=3), whole[places])


def test_the_images_given_are_left_alone():
    before = IMAGES.clone()
    mixed_epoch(IMAGES, mixture="mix-all", seed=0, epoch=0)
    assert torch.equal(IMAGES, before)


def test_no_images_are_no_trouble():
    assert mixed_epoch(IMAGES[:0], mixture="mix1", seed=0, epoch=0).shape == (0, 3, 16, 16)


def test_an_unknown_mixture_is_named():
    with pytest.raises(UsageError, match="unknown mixture 'mix3'; did you mean"):
        mixed_epoch(IMAGES, mixture="mix3", seed=0, epoch=0)
