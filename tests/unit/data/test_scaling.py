"""The part of a scaled image, beside scaling it whole and cropping it."""

import numpy as np
import pytest
from PIL import Image
from PIL.Image import Resampling

from prunekit.data.scaling import REACH, scaled_part, span

DRAWS = np.random.default_rng(0)
ROUNDED = sorted(REACH)


def noise(width, height):
    return Image.fromarray(DRAWS.integers(0, 256, (height, width, 3), dtype=np.uint8))


def difference(size, scaled, box, filtered):
    """Per value, between the part and the whole."""
    image = noise(*size)
    whole = np.asarray(image.resize(scaled, filtered).crop(box)).astype(int)
    return np.abs(np.asarray(scaled_part(image, scaled, box, filtered)).astype(int) - whole)


def centre(scaled, side):
    left, top = (scaled[0] - side) // 2, (scaled[1] - side) // 2
    return left, top, left + side, top + side


PHOTOGRAPHS = [
    ((500, 375), (341, 256)),
    ((375, 500), (256, 341)),
    ((500, 333), (384, 256)),
    ((333, 500), (256, 384)),
    ((640, 480), (341, 256)),
    ((1024, 768), (341, 256)),
    ((2400, 1800), (341, 256)),
    ((501, 377), (340, 256)),
    ((479, 641), (256, 342)),
    ((2000, 301), (1700, 256)),
    ((257, 1001), (256, 997)),
    ((300, 401), (224, 299)),
]


@pytest.mark.parametrize("filtered", ROUNDED)
def test_no_value_differs_by_more_than_one_and_few_differ_at_all(filtered):
    found = [difference(size, scaled, centre(scaled, 224), filtered) for size, scaled in PHOTOGRAPHS]
    assert max(each.max() for each in found) <= 1
    assert np.mean([(each > 0).mean() for each in found]) < 1e-5


@pytest.mark.parametrize("filtered", ROUNDED)
@pytest.mark.parametrize("size", [(500, 500), (375, 375), (300, 512), (333, 500), (511, 257)])
def test_every_byte_is_equal_where_the_scale_is_a_binary_fraction(size, filtered):
    scaled = size[0] * 256 // min(size), size[1] * 256 // min(size)
    scaled = tuple(side if (size[k] / side * 2**12).is_integer() else 256 for k, side in enumerate(scaled))
    assert not difference(size, scaled, centre(scaled, 224), filtered).any()


@pytest.mark.parametrize("filtered", [Resampling.NEAREST, Resampling.BOX])
def test_filters_with_edges_are_equal_to_the_byte(filtered):
    for size, scaled in PHOTOGRAPHS:
        assert not difference(size, scaled, centre(scaled, 224), filtered).any(), size


@pytest.mark.parametrize("filtered", list(Resampling))
def test_enlarged_images_and_unscaled_ones_are_equal_to_the_byte(filtered):
    for size, scaled in (((100, 90), (284, 256)), ((300, 100), (280, 128)), ((260, 256), (260, 256))):
        assert not difference(size, scaled, centre(scaled, 96), filtered).any(), size


@pytest.mark.parametrize("filtered", ROUNDED)
@pytest.mark.parametrize("corner", [(0, 0), (117, 0), (0, 32), (117, 32), (1, 31), (60, 2)])
def test_a_part_at_the_border_sees_nothing_beyond_it(filtered, corner):
    box = (*corner, corner[0] + 224, corner[1] + 224)
    found = difference((500, 375), (341, 256), box, filtered)
    assert found.max() <= 1
    assert (found > 0).mean() < 1e-4


@pytest.mark.parametrize(("size", "scaled"), [((400, 400), (399, 200)), ((369, 779), (256, 540))])
def test_the_axes_are_filtered_in_the_order_of_the_whole_image(size, scaled):
    """The other order would change a quarter of the values."""
    for filtered in ROUNDED:
        assert (difference(size, scaled, centre(scaled, 192), filtered) > 0).mean() < 1e-4


def test_one_value_of_a_part_can_be_asked_for():
    assert not difference((500, 375), (341, 256), (170, 128, 171, 129), Resampling.BICUBIC).any()


def test_the_part_of_a_photograph_takes_few_more_columns_and_no_more_rows():
    assert span(375, 256, 16, 240, 1)[:2] == (16, 240)
    first, last, low, high, _ = span(500, 341, 58, 282, 1)
    assert first <= 58 < 282 <= last
    assert last - first <= 250
    assert 0 < low < high < 500


@pytest.mark.parametrize(
    ("size", "scaled", "first", "last"), [(7, 3, 0, 2), (50_000, 40_001, 20_000, 20_224)]
)
def test_without_a_tolerable_shift_the_whole_axis_is_computed(size, scaled, first, last, monkeypatch):
    monkeypatch.setattr("prunekit.data.scaling.LARGEST_SHIFT", -1.0)
    span.cache_clear()
    assert span(size, scaled, first, last, 1) == (0, scaled, 0, size, (0.0, size))
    span.cache_clear()
