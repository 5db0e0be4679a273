from collections import Counter

import pytest
import torch

from prunekit.data.corruptions import corrupt, corrupt_mixed
from prunekit.errors import UsageError

IMAGES = torch.arange(5 * 3 * 16 * 16).remainder(251).to(torch.uint8).view(5, 3, 16, 16)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"corruption": "snwo"}, "unknown corruption 'snwo'; did you mean 'snow'"),
        ({"severity": 6}, "severity 6 is not one of 1, 2, 3, 4, 5"),
        ({"severity": 0}, "severity 0 is not one of"),
        ({"severity": True}, "severity True is not one of"),
        ({"table": "imagnet"}, "unknown table of constants 'imagnet'; did you mean 'imagenet'"),
        ({"seeds": [1, 2]}, "5 images need 5 seeds"),
        ({"seeds": [0.5] * 5}, "seeds must be whole numbers"),
        ({"seeds": ["a"] * 5}, "seeds must be whole numbers"),
        ({"seeds": [2**70] * 5}, "seeds must be whole numbers"),
        ({"draws": {"plasma": torch.zeros(4, 16, 16)}}, "draw 'plasma' is for 4 images, not 5"),
        ({"draws": {"clouds": torch.zeros(5, 16, 16)}}, "unknown draw of fog 'clouds'"),
    ],
)
def test_a_mistake_is_told_in_one_line(wrong, message):
    with pytest.raises(UsageError) as error:
        corrupt(IMAGES, **({"corruption": "fog", "severity": 3} | wrong))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "images",
    [IMAGES.float(), IMAGES[0], IMAGES[:, :1], IMAGES[..., :7], torch.zeros(2, 16, 16, 3, dtype=torch.uint8)],
)
def test_images_must_be_bytes_in_three_planes(images):
    with pytest.raises(UsageError, match=r"images (must be|of)"):
        corrupt(images, corruption="fog", severity=1)


def test_unset_seeds_are_the_places():
    made = corrupt(IMAGES, corruption="fog", severity=3)
    assert torch.equal(made, corrupt(IMAGES, corruption="fog", severity=3, seeds=torch.arange(5)))


def test_auto_chooses_the_table_by_size():
    auto = corrupt(IMAGES, corruption="gaussian_blur", severity=2, table="auto")
    assert torch.equal(auto, corrupt(IMAGES, corruption="gaussian_blur", severity=2, table="cifar"))
    large = torch.randint(0, 256, (1, 3, 100, 100), dtype=torch.uint8)
    auto = corrupt(large, corruption="gaussian_blur", severity=2, table="auto")
    assert torch.equal(auto, corrupt(large, corruption="gaussian_blur", severity=2, table="imagenet"))


def test_severities_of_one_seed_draw_independently():
    grey = torch.full((1, 3, 32, 32), 128, dtype=torch.uint8)
    mild, strong = (
        corrupt(grey, corruption="gaussian_noise", severity=s, seeds=[1]).float() - 128 for s in (4, 5)
    )
    assert torch.corrcoef(torch.stack([mild.flatten(), strong.flatten()]))[0, 1].abs() < 0.08


def test_a_mixture_is_made_of_single_corruptions():
    images = IMAGES[:1].expand(60, 3, 16, 16)
    names, severities = ("brightness", "contrast"), (0, 2, 5)
    made = corrupt_mixed(images, corruptions=names, seeds=list(range(60)), severities=severities)
    kinds = {
        corrupt(images[:1], corruption=name, severity=s)[0].numpy().tobytes(): (name, s)
        for name in names
        for s in (2, 5)
    } | {IMAGES[0].numpy().tobytes(): ("clean", 0)}
    counts = Counter(kinds[image.numpy().tobytes()] for image in made)
    assert set(counts) == set(kinds.values())
    assert 8 <= counts["clean", 0] <= 32


def test_a_mixture_depends_on_the_image_and_its_seed_alone():
    seeds = [7, 8, 9, 10, 11]
    names = ("fog", "gaussian_noise", "motion_blur")
    made = corrupt_mixed(IMAGES, corruptions=names, seeds=seeds)
    back = corrupt_mixed(IMAGES.flip(0), corruptions=names, seeds=seeds[::-1])
    assert torch.equal(back.flip(0), made)
    assert not torch.equal(corrupt_mixed(IMAGES, corruptions=names, seeds=[s + 5 for s in seeds]), made)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"corruptions": ["frog"]}, "unknown corruption 'frog'"),
        ({"corruptions": []}, "at least one corruption"),
        ({"severities": (7,)}, "severity 7 is not one of"),
    ],
)
def test_a_wrong_mixture_is_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        corrupt_mixed(IMAGES, **({"corruptions": ["fog"], "seeds": range(5)} | wrong))


def test_constants_are_by_the_size_of_the_images_where_no_table_is_named():
    large = torch.zeros(1, 3, 112, 112, dtype=torch.uint8) + torch.arange(112, dtype=torch.uint8)
    for images, table in ((IMAGES, "cifar"), (large, "imagenet")):
        own = corrupt(images, corruption="gaussian_blur", severity=2)
        assert torch.equal(own, corrupt(images, corruption="gaussian_blur", severity=2, table=table))
