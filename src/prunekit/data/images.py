"""Image files to uint8 tensors, decoded in parallel threads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from prunekit.data.preprocessing import View
from prunekit.data.scaling import scaled_part
from prunekit.errors import UsageError

DAMAGED = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


class Encoded:
    """One image as bytes from a larger file, with a name for messages."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name = data, name

    def __str__(self) -> str:
        return self.name


Source = Path | Encoded
Planes = NDArray[np.uint8]
# Formats that Pillow may try: none that runs another program (EPS), none that is uncommon (PDF, WMF, FITS, ...).
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
WHITE_16 = 65535


def decode(source: Source) -> Tensor:
    """One image as uint8 [3, H, W]: RGB, alpha dropped, EXIF rotation ignored (as torchvision's folders do)."""
    return to_tensor(open_rgb(source))


def open_rgb(source: Source) -> Image.Image:
    """The decoded RGB image; an unreadable one is a :class:`UsageError` that names it."""
    try:
        with open_image(source) as image:
            image.load()
            return image if image.mode == "RGB" else _eight_bits(image, str(source)).convert("RGB")
    except DAMAGED as error:
        raise _unreadable(source, error) from None


def open_image(source: Source) -> Image.Image:
    """An image of one of :data:`FORMATS`, whatever its name ends in; not decoded yet."""
    return Image.open(_readable(source), formats=FORMATS)


def _eight_bits(image: Image.Image, name: str) -> Image.Image:
    """16-bit grey scaled to 8 bits, which Pillow would clip; other deep pixels are a :class:`UsageError`."""
    if image.mode.startswith("I;16") or image.mode == "I":
        values = np.asarray(image).astype(np.int64)
        if values.min() >= 0 and values.max() <= WHITE_16:
            return Image.fromarray(((values * 255 + WHITE_16 // 2) // WHITE_16).astype(np.uint8))
    elif image.mode not in ("F", "LAB", "HSV"):
        return image
    raise UsageError(
        f"image {name} has pixels of mode {image.mode}, which cannot be converted to 8 bits: save "
        "it as 8-bit RGB"
    )


def to_tensor(image: Image.Image) -> Tensor:
    """An RGB image as uint8 [3, H, W]."""
    planes = np.empty((3, image.height, image.width), np.uint8)
    fill_planes(image, planes)
    return torch.from_numpy(planes)


def fill_planes(image: Image.Image, planes: Planes) -> None:
    """Write an RGB image into uint8 [3, H, W]; Pillow takes single planes out faster than numpy moves single bytes."""
    for band, plane in zip("RGB", planes, strict=True):
        plane[:] = np.frombuffer(image.tobytes("raw", band), np.uint8).reshape(plane.shape)


def size_of(source: Source) -> tuple[int, int]:
    """(H, W) from the image's header, without decoding it."""
    try:
        with open_image(source) as image:
            return image.height, image.width
    except DAMAGED as error:
        raise _unreadable(source, error) from None


def _readable(source: Source) -> Path | BytesIO:
    return source if isinstance(source, Path) else BytesIO(source.data)


def _unreadable(source: Source, error: Exception) -> UsageError:
    known = isinstance(error, OSError) and not error.strerror
    why = f"not a complete image ({', '.join(FORMATS)})" if known else " ".join(str(error).split())
    return UsageError(f"unreadable image {source}: {why}")


def decode_all(sources: Sequence[Source], size: tuple[int, int], view: View | None = None) -> Tensor:
    """All images as one tensor uint8 [N, 3, H, W]; without a ``view`` all must have ``size``."""
    images = np.empty((len(sources), 3, *size), dtype=np.uint8)

    def fill(place: int) -> None:
        image = open_rgb(sources[place])
        image = image if view is None else viewed(image, view)
        check_size(str(sources[place]), (image.height, image.width), str(sources[0]), size)
        fill_planes(image, images[place])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(fill, range(len(sources))):
            pass
    return torch.from_numpy(images)


def check_size(name: str, size: tuple[int, ...], first: str, expected: tuple[int, ...]) -> None:
    """Raise a :class:`UsageError` that names both images if their sizes (H, W) differ."""
    if size != expected:
        raise UsageError(
            f"images of several sizes: {first} has {expected[0]}x{expected[1]} pixels, {name} has {size[0]}x{size[1]}"
        )


def viewed(image: Image.Image, view: View) -> Image.Image:
    """The RGB image scaled and cropped to ``view.size``.

    As torchvision's Resize and CenterCrop on PIL images, with the same antialiasing and rounding of the longer side and
    the offsets; see :func:`scaled_part` for the last bit. An image that ``resize`` leaves smaller than the crop is a
    :class:`UsageError`.
    """
    if view.resize is None and (image.height, image.width) == view.size:
        return image
    scaled = _scaled(image, view)
    return scaled_part(
        image, scaled, _centre(scaled, view.size), Image.Resampling[view.interpolation.upper()]
    )


def central(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The central ``size`` (H, W) of an image; a smaller image is a :class:`UsageError`."""
    return image.crop(_centre(image.size, size))


def _centre(whole: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) of the central ``size`` (H, W) in the ``whole`` (W, H)."""
    height, width = size
    if whole[0] < width or whole[1] < height:
        raise UsageError(
            f"an image of {whole[1]}x{whole[0]} pixels is too small for a crop of "
            f"{height}x{width}: use a larger resize"
        )
    left, top = round((whole[0] - width) / 2), round((whole[1] - height) / 2)
    return left, top, left + width, top + height


def _scaled(image: Image.Image, view: View) -> tuple[int, int]:
    """(W, H) of the scaled image before the crop: torchvision rounds the longer side down."""
    if view.crop == "squash":
        return (view.resize, view.resize) if view.resize is not None else (view.size[1], view.size[0])
    if view.resize is not None:
        short = min(image.size)
        return tuple(view.resize if side == short else view.resize * side // short for side in image.size)  # type: ignore[return-value]
    height, width = view.size
    if image.height * width <= image.width * height:  # the height just fits
        return max(width, height * image.width // image.height), height
    return width, max(height, width * image.height // image.width)


def view_all(images: Tensor, view: View) -> Tensor:
    """uint8 images [N, 3, H, W] as a network of this view sees them, on their device."""
    if tuple(images.shape[2:]) == view.size and view.resize is None:
        return images
    arrays = images.permute(0, 2, 3, 1).cpu().numpy()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = list(pool.map(lambda array: to_tensor(viewed(Image.fromarray(array), view)), arrays))
    return torch.stack(seen).to(images.device)
