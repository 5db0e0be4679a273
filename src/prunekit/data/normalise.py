"""Pixels as networks see them: the only place where bytes become normalised numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from prunekit.data.datasets import Dataset

LARGEST_BYTE = 255
# ITU-R 601-2 luma in 65,536ths, as Pillow converts to "L".
LUMA = (19595, 38470, 7471)


class Normaliser:
    """uint8 RGB images ``[N, 3, H, W]`` to float32 ``(pixel / 255 - mean) / std`` per channel, channels-last.

    The channels come out in the order of ``dataset.channels``; for ``grey`` there is one.
    """

    def __init__(self, dataset: Dataset, device: str | torch.device = "cpu") -> None:
        mean, std = torch.tensor(dataset.mean), torch.tensor(dataset.std)
        self._device = device
        self._channels = dataset.channels
        self._scale = (1 / (LARGEST_BYTE * std)).to(device)
        self._shift = (-mean / std).to(device)

    def __call__(self, images: Tensor) -> Tensor:
        ordered = in_order(images.to(self._device), self._channels)
        floats = ordered.to(torch.float32, memory_format=torch.channels_last)
        return floats.mul_(_repeated(self._scale, images)).add_(_repeated(self._shift, images))


def in_order(images: Tensor, channels: str) -> Tensor:
    """RGB images ``[N, 3, H, W]`` with the channels that a network takes: rgb, bgr, or only the luma."""
    if channels == "bgr":
        return images.flip(1)
    if channels == "grey":
        weights = torch.tensor(LUMA, dtype=torch.int32, device=images.device).view(3, 1, 1)
        sums = (images.to(torch.int32) * weights).sum(dim=1, keepdim=True, dtype=torch.int32)
        return ((sums + 32768) >> 16).to(torch.uint8)
    return images


def as_input(noise: Tensor, dataset: Dataset) -> Tensor:
    """Noise ``[N, 3, H, W]`` in units of the data set's own std, converted to those of a network's normalised input.

    So every network of a data set sees the same noisy pixels, however it normalises them; for ``grey`` their luma.
    """
    if not dataset.unit or (dataset.unit == dataset.std and dataset.channels == "rgb"):
        return noise
    pixels = noise * _column(dataset.unit, noise)
    if dataset.channels == "grey":
        pixels = (pixels * _column([part / 65536 for part in LUMA], noise)).sum(dim=1, keepdim=True)
    elif dataset.channels == "bgr":
        pixels = pixels.flip(1)
    return pixels / _column(dataset.std, noise)


def _column(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=like.device).view(-1, 1, 1)


def _repeated(channels: Tensor, images: Tensor) -> Tensor:
    """``channels`` at every pixel, laid out as the images are: several times faster than broadcasting."""
    return channels.expand(*images.shape[2:], -1).contiguous().permute(2, 0, 1)
