"""Show two networks the same pixels if their normalisations differ."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from prunekit.data.datasets import Dataset
from prunekit.data.normalise import LUMA
from prunekit.data.preprocessing import Preprocessing
from prunekit.errors import UsageError
from prunekit.measure.batches import per_channel


def in_place_of(model: nn.Module, own: Dataset, other: Dataset) -> nn.Module:
    """``model`` wrapped to take inputs normalised for ``other`` instead of for ``own``, its own data set.

    :class:`UsageError` if the two do not see the same pixels (size, resize, crop, interpolation).
    """
    mine, theirs = Preprocessing.of(own), Preprocessing.of(other)
    if mine == theirs:
        return model
    if mine.view != theirs.view or theirs.channels == "grey":
        raise UsageError(
            f"networks compared under noise must see the same pixels, but one sees {_words(mine)}, "
            f"the other {_words(theirs)}: import one of them with the other's image size, resize, "
            "crop and interpolation"
        )
    return _Renormalised(model, mine, theirs)


def _words(preprocessing: Preprocessing) -> str:
    height, width = preprocessing.size
    scaled = f", resized to {preprocessing.resize}" if preprocessing.resize else ""
    return f"{height}x{width} ({preprocessing.crop}, {preprocessing.interpolation}{scaled}, {preprocessing.channels})"


class _Renormalised(nn.Module):
    """Undoes one normalisation and applies another before the network."""

    def __init__(self, model: nn.Module, own: Preprocessing, other: Preprocessing) -> None:
        super().__init__()
        self.model = model
        self._own, self._other = own, other

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits of inputs ``[N, 3, H, W]`` normalised for the other network."""
        mean, std = (per_channel(values, inputs.device) for values in (self._other.mean, self._other.std))
        pixels = inputs * std + mean
        if self._other.channels == "bgr":
            pixels = pixels.flip(1)
        mean, std = (per_channel(values, inputs.device) for values in (self._own.mean, self._own.std))
        ordered = _ordered(pixels, self._own.channels)
        logits: Tensor = self.model((ordered - mean) / std)
        return logits


def _ordered(pixels: Tensor, channels: str) -> Tensor:
    if channels == "bgr":
        return pixels.flip(1)
    if channels == "grey":
        weights = torch.tensor(LUMA, dtype=torch.float32, device=pixels.device).view(3, 1, 1) / 65536
        return (pixels * weights).sum(dim=1, keepdim=True)
    return pixels
