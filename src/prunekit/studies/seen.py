"""The images of a stored measurement, read again for a report with torch (``prunekit.studies.shown``: without)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from prunekit.data.at_hand import AtHand
from prunekit.data.datasets import Dataset
from prunekit.data.normalise import LARGEST_BYTE
from prunekit.data.preprocessing import View
from prunekit.distribution import parse
from prunekit.measure.noise import PLANES, unit_noise
from prunekit.params import ErrorParams
from prunekit.steps.context import dataset, examples
from prunekit.store.records import ModelRecord
from prunekit.studies.shown import LARGEST_PX, check_count, view_of


def first_images(distribution: str, count: int, data: Path, view: View | None) -> AtHand:
    """The first ``count`` images of a distribution and their labels."""
    shown = examples(distribution, data, view=view)
    images, labels = shown.take(torch.arange(min(count, len(shown))))
    return AtHand(images.numpy(), labels.numpy())


def seen_images(
    record: ModelRecord, step: ErrorParams, places: Sequence[int], n: int, data: Path
) -> list[np.ndarray]:
    """See :func:`prunekit.studies.shown.seen_images`."""
    shift, root, view = parse(step.distribution), record.root_params, view_of(record)
    name = str(shift._replace(noise=None))
    shown = examples(name, data, step.seed, root.seed, root.valid_fraction, view=view, few=True)
    check_count(name, len(shown), n)
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
