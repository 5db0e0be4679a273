"""Large images through Pillow and SciPy: the bytes of our own formulas, or not at all."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from prunekit.data.corruptions import CORRUPTION_ROWS, corrupt, library
from prunekit.data.corruptions.library import LIBRARY_FROM_PX, agrees, by_library

NAMES = [name for name, row in CORRUPTION_ROWS.items() if row.library is not None]
SHAPES = [(96, 96), (97, 131), (224, 224), (301, 87), (80, 333)]


@pytest.fixture(autouse=True)
def _compared_anew():
    agrees.cache_clear()
    yield
    agrees.cache_clear()


def images_of(shape):
    """Noise, a smooth image, and one of black and full colours."""
    noise = torch.randint(0, 256, (3, *shape), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    smooth = avg_pool2d(noise.float(), 11, 1, 5).sub(100).mul(4).clamp(0, 255).to(torch.uint8)
    return torch.stack([noise, smooth, noise // 128 * 255])


def own(images, name, settings):
    block = images.permute(1, 2, 3, 0).contiguous()
    return CORRUPTION_ROWS[name].apply(block, **settings).permute(3, 0, 1, 2)


def test_three_corruptions_have_a_library():
    assert NAMES == ["gaussian_blur", "pixelate", "jpeg_compression"]


@pytest.mark.parametrize("table", ["cifar", "imagenet"])
@pytest.mark.parametrize("severity", [1, 3, 5])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_both_ways_make_the_same_bytes(name, shape, severity, table):
    images, row = images_of(shape), CORRUPTION_ROWS[name]
    settings = row.settings(table, severity)
    made = by_library(images, row, settings)
    assert made is not None
    assert torch.equal(made, own(images, name, settings))
    assert torch.equal(made, corrupt(images, corruption=name, severity=severity, table=table))


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 51, 90, 95, 100])
def test_any_quality_of_jpeg(quality):
    images, row = images_of((83, 90)), CORRUPTION_ROWS["jpeg_compression"]
    made = by_library(images, row, {"quality": quality})
    assert made is not None
    assert torch.equal(made, own(images, "jpeg_compression", {"quality": quality}))


@pytest.mark.parametrize("name", NAMES)
def test_a_library_with_other_bytes_is_not_used(name, monkeypatch):
    images, settings = images_of((96, 96)), CORRUPTION_ROWS[name].settings("cifar", 4)
    exact = getattr(library, name)

    def another(planes, out, **constants):
        exact(planes, out, **constants)
        out[0, -1, -1] ^= 1

    monkeypatch.setattr(library, name, another)
    assert by_library(images, CORRUPTION_ROWS[name], settings) is None
    made = corrupt(images, corruption=name, severity=4, table="cifar")
    assert torch.equal(made, own(images, name, settings))


@pytest.mark.parametrize("name", NAMES)
def test_small_images_and_other_corruptions_go_the_usual_way(name):
    row = CORRUPTION_ROWS[name]
    settings = row.settings("cifar", 1)
    assert by_library(images_of((LIBRARY_FROM_PX - 1, 200)), row, settings) is None
    assert by_library(images_of((96, 96)), row._replace(library=None), settings) is None


@pytest.mark.parametrize("name", NAMES)
def test_neither_threads_nor_the_order_in_memory_change_a_byte(name, monkeypatch):
    images = images_of((96, 120))
    made = corrupt(images, corruption=name, severity=2)
    for threads in (1, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        last = images.contiguous(memory_format=torch.channels_last)
        assert torch.equal(corrupt(last, corruption=name, severity=2), made)
    assert corrupt(images[:0], corruption=name, severity=2).shape == (0, 3, 96, 120)


@pytest.mark.parametrize("name", NAMES)
def test_the_images_themselves_stay_as_they_are(name):
    images = images_of((96, 96))
    before = images.clone()
    made = corrupt(images, corruption=name, severity=5)
    made.zero_()
    assert np.array_equal(images.numpy(), before.numpy())
