"""Augmentation of whole batches of tensors: drawn once per epoch, applied by one gather per batch.

Draws are made for all images of an epoch at once and indexed by image, so that what happens to an image depends only
on the generator, never on the batch size, the order, or the number of processes that share the work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from prunekit.registry import Registry
from prunekit.tasks.segmentation import IGNORED

PADDING = 4
RESIZED_AREA = (0.08, 1.0)
RESIZED_ASPECT = (3 / 4, 4 / 3)
SCALES = (0.5, 2.0)

Draws = Mapping[str, Tensor]
Size = tuple[int, int]
Pair = tuple[Tensor, Tensor]


class Augment(NamedTuple):
    """One augmentation.

    ``draw(count, size, generator)`` returns tensors with one row per image; ``apply(images, labels, draws)`` takes the
    rows of a batch, uint8 images ``[N, 3, H, W]`` and labels ``[N]`` or ``[N, H, W]``, all on one device, and returns
    new ones.
    """

    draw: Callable[[int, Size, torch.Generator], Draws]
    apply: Callable[[Tensor, Tensor, Draws], Pair]


def rows(draws: Draws, indices: Tensor) -> dict[str, Tensor]:
    """The draws of the images at ``indices``."""
    return {name: values[indices] for name, values in draws.items()}


def _draw_nothing(count: int, size: Size, generator: torch.Generator) -> Draws:
    return {}


def _leave(images: Tensor, labels: Tensor, draws: Draws) -> Pair:
    return images, labels


def _draw_shift(count: int, size: Size, generator: torch.Generator, *, flips: bool) -> Draws:
    shift = torch.randint(0, 2 * PADDING + 1, (count, 2), generator=generator)
    flip = torch.randint(0, 2, (count,), generator=generator) * int(flips)
    return {"shift": shift, "flip": flip.bool()}


def _shift(images: Tensor, labels: Tensor, draws: Draws) -> Pair:
    """Add a black border of 4 pixels, crop to the original size, and mirror."""
    height, width = images.shape[-2:]
    padded = F.pad(images.permute(0, 2, 3, 1), (0, 0, PADDING, PADDING, PADDING, PADDING))
    # Every crop of every image as a view without copies; whole rows of pixels are then copied at once.
    crops = padded.unfold(1, height, 1).unfold(2, width, 1).permute(0, 1, 2, 4, 5, 3)
    top, left = draws["shift"].unbind(dim=1)
    chosen = crops[torch.arange(len(images), device=images.device), top, left]
    mirrored = torch.where(draws["flip"][:, None, None, None], chosen.flip(2), chosen)
    return mirrored.permute(0, 3, 1, 2), labels


def _draw_resized(count: int, size: Size, generator: torch.Generator) -> Draws:
    """Boxes of 8 to 100 % of the area and 3:4 to 4:3 (Szegedy et al. 2015), as the share of each side."""
    uniform = torch.rand(count, 5, generator=generator)
    low, high = torch.tensor(RESIZED_ASPECT).log()
    area = RESIZED_AREA[0] + uniform[:, 0] * (RESIZED_AREA[1] - RESIZED_AREA[0])
    aspect = (low + uniform[:, 1] * (high - low)).exp()
    extent = torch.stack(((area * aspect).sqrt(), (area / aspect).sqrt()), dim=1).clamp(max=1)
    return _boxes(extent, uniform[:, 2:])


def _draw_scaled(count: int, size: Size, generator: torch.Generator) -> Draws:
    """Scales of 0.5 to 2 (Liebenwein et al. 2021), seen through a window of the image's size."""
    uniform = torch.rand(count, 4, generator=generator)
    scale = SCALES[0] + uniform[:, :1] * (SCALES[1] - SCALES[0])
    return _boxes((1 / scale).expand(-1, 2), uniform[:, 1:])


def _boxes(extent: Tensor, uniform: Tensor) -> Draws:
    """Boxes of ``extent`` (x, y; 1 = the whole side) somewhere in the image, mirrored half the time."""
    centre = (2 * uniform[:, :2] - 1) * (1 - extent).abs()
    mirrored = torch.where(uniform[:, 2:] < 0.5, -1.0, 1.0)
    return {"extent": extent * torch.cat((mirrored, torch.ones_like(mirrored)), dim=1), "centre": centre}


def _resample(images: Tensor, labels: Tensor, draws: Draws) -> Pair:
    """Resample the boxes to the images' size: bilinear for images, nearest for label maps, void outside."""
    theta = torch.cat((torch.diag_embed(draws["extent"]), draws["centre"][:, :, None]), dim=2)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    seen = F.grid_sample(images.float(), grid, align_corners=False).round_().clamp_(0, 255).to(torch.uint8)
    if labels.ndim == 1:
        return seen, labels
    # Outside the image grid_sample returns 0: labels are shifted and shifted back, so that 0 means "ignored".
    shifted = (labels - IGNORED).float()[:, None]
    return seen, F.grid_sample(shifted, grid, mode="nearest", align_corners=False)[:, 0].long() + IGNORED


AUGMENTS: Registry[Augment] = Registry(
    "augmentation",
    {
        "none": Augment(_draw_nothing, _leave),
        "crop": Augment(partial(_draw_shift, flips=False), _shift),
        "crop-flip": Augment(partial(_draw_shift, flips=True), _shift),
        "resized-crop-flip": Augment(_draw_resized, _resample),
        "segment": Augment(_draw_scaled, _resample),
    },
)
