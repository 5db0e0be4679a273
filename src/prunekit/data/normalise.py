"""Pixels as networks see them: one place where bytes become normalised numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from prunekit.data.datasets import Dataset

LARGEST_BYTE = 255


class Normaliser:
    """uint8 images ``[N, 3, H, W]`` to float32 ``(pixel / 255 - mean) / std`` per channel, channels-last."""

    def __init__(self, dataset: Dataset, device: str | torch.device = "cpu") -> None:
        mean, std = torch.tensor(dataset.mean), torch.tensor(dataset.std)
        self._device = device
        self._scale = (1 / (LARGEST_BYTE * std)).to(device)
        self._shift = (-mean / std).to(device)

    def __call__(self, images: Tensor) -> Tensor:
        floats = images.to(self._device).to(torch.float32, memory_format=torch.channels_last)
        return floats.mul_(_repeated(self._scale, images)).add_(_repeated(self._shift, images))


def _repeated(channels: Tensor, images: Tensor) -> Tensor:
    """``channels`` at every pixel, laid out as the images are: several times faster than broadcasting."""
    return channels.expand(*images.shape[2:], -1).contiguous().permute(2, 0, 1)
