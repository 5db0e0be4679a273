"""Image files to tensors."""

import numpy as np
import pytest
import torch
from PIL import Image

from prunekit.data.folder_names import IMAGE_ENDINGS
from prunekit.data.images import decode, decode_all, size_of, view_all, viewed
from prunekit.data.preprocessing import View
from prunekit.errors import UsageError


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)


def test_decoding_puts_channels_first(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(decode(tmp_path / "a.png").permute(1, 2, 0).numpy(), pixels)
    assert size_of(tmp_path / "a.png") == (4, 6)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1"])
def test_every_mode_becomes_three_channels(tmp_path, pixels, mode):
    Image.fromarray(pixels).convert(mode).save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png").shape == (3, 4, 6)


def test_all_images_keep_their_order(tmp_path, pixels):
    paths = [tmp_path / f"{place}.png" for place in range(20)]
    for place, path in enumerate(paths):
        Image.fromarray(np.full((4, 6, 3), place, dtype=np.uint8)).save(path)
    assert decode_all(paths, (4, 6))[:, 0, 0, 0].tolist() == list(range(20))


def test_a_cut_image_is_named(tmp_path, pixels):
    path = tmp_path / "cut.jpg"
    Image.fromarray(pixels.repeat(20, axis=0).repeat(20, axis=1)).save(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UsageError, match=r"unreadable image .*cut\.jpg"):
        decode(path)


def test_a_page_named_as_an_image_is_named(tmp_path):
    (tmp_path / "page.jpg").write_text("<html>not found</html>")
    for read in (decode, size_of):
        with pytest.raises(UsageError, match=r"unreadable image .*page\.jpg") as found:
            read(tmp_path / "page.jpg")
        assert "\n" not in str(found.value)


@pytest.mark.parametrize("kind", ["EPS", "PDF", "ICO", "PCX", "TGA"])
def test_a_file_of_another_format_is_not_opened_whatever_its_name(tmp_path, pixels, kind):
    """EPS would start Ghostscript."""
    Image.fromarray(pixels.repeat(16, axis=0).repeat(16, axis=1)).save(tmp_path / "a.png", kind)
    for read in (decode, size_of):
        with pytest.raises(
            UsageError, match=r"unreadable image .*a\.png: not a complete image \(BMP, GIF, JPEG"
        ):
            read(tmp_path / "a.png")


@pytest.mark.parametrize("ending", IMAGE_ENDINGS)
def test_every_ending_has_a_format(tmp_path, pixels, ending):
    Image.fromarray(pixels).save(tmp_path / f"a{ending}")
    assert decode(tmp_path / f"a{ending}").shape == (3, 4, 6)


def test_images_of_two_sizes_are_both_named(tmp_path, pixels):
    paths = [tmp_path / "first.png", tmp_path / "second.png"]
    Image.fromarray(pixels).save(paths[0])
    Image.fromarray(pixels[:2]).save(paths[1])
    with pytest.raises(UsageError, match=r"first.png has 4x6 pixels, .*second.png has 2x6"):
        decode_all(paths, (4, 6))


def test_threads_do_not_change_the_pixels(tmp_path, pixels):
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    assert torch.equal(decode_all([path] * 50, (4, 6)), decode(path).expand(50, -1, -1, -1))


@pytest.mark.parametrize(
    "size", [(300, 500), (500, 333), (256, 256), (100, 90), (257, 1001), (256, 999), (999, 256)]
)
def test_the_view_of_large_images_is_torchvision_s(size):
    transforms = pytest.importorskip("torchvision.transforms")
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8))
    expected = transforms.CenterCrop(224)(transforms.Resize(256)(image))
    assert_scaled_alike(viewed(image, View((224, 224), 256)), expected)


def assert_scaled_alike(found, expected):
    """No value differs by more than 1, and few at all (over many sizes: ``test_scaling.py``)."""
    difference = np.abs(np.asarray(found).astype(int) - np.asarray(expected))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 5e-4


def test_an_image_smaller_than_its_crop_is_refused():
    with pytest.raises(UsageError, match="100x90 pixels is too small for a crop of 224"):
        viewed(Image.new("RGB", (90, 100)), View((224, 224), resize=90))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"])
@pytest.mark.parametrize("size", [(300, 401), (97, 64), (224, 224), (33, 150)])
@pytest.mark.parametrize("view", [(64, 72), (224, 256), (96, 96)])
def test_resize_and_crop_are_torchvision_s(size, view, interpolation):
    transforms = pytest.importorskip("torchvision.transforms")
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8))
    crop, resize = view
    how = transforms.InterpolationMode(interpolation)
    expected = transforms.CenterCrop(crop)(transforms.Resize(resize, interpolation=how)(image))
    found = viewed(image, View((crop, crop), resize, interpolation=interpolation))
    assert_scaled_alike(found, expected)
    if min(size) <= resize or interpolation in ("nearest", "box"):
        assert np.array_equal(np.asarray(found), np.asarray(expected))


def test_squash_is_torchvision_s_resize_to_both_sides():
    transforms = pytest.importorskip("torchvision.transforms")
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (50, 81, 3), dtype=np.uint8))
    expected = transforms.Resize((32, 48))(image)
    assert np.array_equal(np.asarray(viewed(image, View((32, 48), crop="squash"))), np.asarray(expected))


@pytest.mark.parametrize("size", [(32, 32), (40, 32), (31, 97), (64, 33), (1, 200)])
@pytest.mark.parametrize("wanted", [(32, 32), (24, 48), (48, 20)])
def test_without_a_resize_an_image_is_scaled_until_it_just_covers_the_size(size, wanted):
    image = Image.new("RGB", (size[1], size[0]), (10, 20, 30))
    found = viewed(image, View(wanted))
    assert (found.height, found.width) == wanted
    assert np.asarray(found).reshape(-1, 3).tolist() == [[10, 20, 30]] * (wanted[0] * wanted[1])


def test_an_image_of_the_size_is_left_as_it_is():
    images = torch.from_numpy(np.random.default_rng(2).integers(0, 256, (2, 3, 9, 7), dtype=np.uint8))
    assert view_all(images, View((9, 7))) is images
    seen = view_all(images, View((4, 4), resize=5))
    expected = viewed(Image.fromarray(images[1].permute(1, 2, 0).numpy()), View((4, 4), resize=5))
    assert np.array_equal(seen[1].permute(1, 2, 0).numpy(), np.asarray(expected))


def test_grey_of_16_bits_is_scaled_and_not_clipped(tmp_path):
    values = np.array([[0, 128, 257], [32768, 65279, 65535]], dtype=np.uint16)
    for name in ("grey.png", "grey.tif"):
        Image.fromarray(values).save(tmp_path / name)
        expected = np.round(values / 65535 * 255).astype(int)
        assert decode(tmp_path / name)[0].tolist() == expected.tolist(), name


def test_floating_pixels_are_refused_by_name(tmp_path):
    Image.fromarray(np.ones((4, 4), dtype=np.float32)).save(tmp_path / "deep.tif")
    with pytest.raises(UsageError, match=r"deep.tif has pixels of mode F, .* save it as 8-bit RGB"):
        decode(tmp_path / "deep.tif")
