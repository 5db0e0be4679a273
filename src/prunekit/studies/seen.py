"""The images of a stored measurement, read again for a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from prunekit.data.datasets import Dataset
from prunekit.data.normalise import LARGEST_BYTE
from prunekit.data.preprocessing import Preprocessing
from prunekit.distribution import parse
from prunekit.errors import PrunekitError
from prunekit.measure.noise import PLANES, unit_noise
from prunekit.params import ErrorParams
from prunekit.steps.context import dataset, examples
from prunekit.store.records import ModelRecord

LARGEST_PX = 96  # one inch on a page


def seen_images(
    record: ModelRecord, step: ErrorParams, places: Sequence[int], n: int, data: Path
) -> list[np.ndarray]:
    """The images at ``places`` of the ``n`` that ``step`` measured, as ``record``'s network sees them: uint8 [H, W, 3].

    They include corruptions and noise; values outside a pixel's range are clipped, and images with a side longer than
    ``LARGEST_PX`` are shrunk. :class:`PrunekitError` if the data set is missing or has a different number of images.
    """
    shift, root = parse(step.distribution), record.root_params
    view = Preprocessing.read(record.preprocessing).view if record.preprocessing else None
    name = str(shift._replace(noise=None))
    shown = examples(name, data, step.seed, root.seed, root.valid_fraction, view=view, few=True)
    if len(shown) != n:
        raise PrunekitError(f"{name} has {len(shown)} images here, but {n} were measured")
    wanted = torch.tensor(list(places))
    pixels = shown.take(wanted)[0].float()
    if shift.noise:
        pixels += _noise(shift.noise, step.seed, wanted, dataset(shift.dataset, data), pixels)
    return list(_small(pixels).permute(0, 2, 3, 1).numpy())


def _noise(noise: tuple[str, float], seed: int, wanted: Tensor, opened: Dataset, like: Tensor) -> Tensor:
    """The noise that was added to normalised inputs, in pixel units."""
    kind, size = noise
    unit = unit_noise(kind, seed=seed, draw=0, indices=wanted, shape=(PLANES, *like.shape[2:]))
    return unit * size * LARGEST_BYTE * torch.tensor(opened.unit or opened.std).view(-1, 1, 1)


def _small(pixels: Tensor) -> Tensor:
    shrink = LARGEST_PX / max(pixels.shape[2:])
    if shrink < 1:
        pixels = interpolate(pixels, scale_factor=shrink, mode="area")
    return pixels.round().clamp(0, LARGEST_BYTE).to(torch.uint8)
