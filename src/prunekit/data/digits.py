"""The handwritten digits as tensors."""

from __future__ import annotations

from pathlib import Path

import torch

from prunekit.data.digit_pixels import arrays
from prunekit.data.examples import ArrayExamples


def load(root: Path, split: str) -> ArrayExamples:
    """The 1,438 ``train`` or 359 ``test`` digits, uint8 [N, 3, 32, 32]; ``root`` is not read."""
    images, labels = map(torch.from_numpy, arrays(split))
    return ArrayExamples(images, labels)
