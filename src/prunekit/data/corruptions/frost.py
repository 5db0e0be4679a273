"""Frost on the window: a crop of one of five photographs, or of textures with the photographs' statistics."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from prunekit.data.corruptions.draws import Draws
from prunekit.data.corruptions.ice import ice
from prunekit.data.images import open_rgb
from prunekit.errors import UsageError

# The reference lists six photographs and never draws the sixth; its second and third are identical.
PHOTOGRAPHS = ("frost1", "frost2", "frost3", "frost4", "frost5")
COMPONENTS = ("teal", "white", "white", "grey", "dark")


def frost(
    pixels: Tensor,
    *,
    draws: Draws,
    photos: Path | None,
    kept: float,
    added: float,
    subsampling: int,
) -> Tensor:
    """``kept`` times the image plus ``added`` times a crop of frost, subsampled."""
    _, height, width, _ = pixels.shape
    pictures = _read(photos, subsampling) if photos else ice(COMPONENTS, subsampling, max(height, width))
    room = torch.tensor([[p.shape[0] - height, p.shape[1] - width] for p in pictures], device=pixels.device)
    if room.amin() < 1:
        raise UsageError(
            f"a photograph of frost in {photos} is too small for images of {height} x {width} pixels"
        )
    file = draws.choice("file", high=len(pictures))
    row, column = draws.choice("row", high=room[file, 0]), draws.choice("column", high=room[file, 1])
    crops = torch.empty(len(file), height, width * 3, dtype=torch.uint8, device=pixels.device)
    for number, picture in enumerate(pictures):
        chosen = file == number
        crops[chosen] = _crops(picture.to(pixels.device), row[chosen], column[chosen], height, width)
    ice_on_top = crops.view(-1, height, width, 3).permute(3, 1, 2, 0).contiguous()
    return (pixels.double().mul_(kept) + ice_on_top.double().mul_(added)).clamp_(0, 255).to(torch.uint8)


def _crops(picture: Tensor, row: Tensor, column: Tensor, height: int, width: int) -> Tensor:
    """The windows ``[N, height, width * 3]`` of ``picture`` ``[H, W, 3]`` that start at (row, column)."""
    rows, columns, _ = picture.shape
    line = columns * 3
    windows = picture.as_strided((rows - height, columns - width, height, width * 3), (line, 3, line, 1))
    return windows[row, column]


@lru_cache(maxsize=4)
def _read(folder: Path, subsampling: int) -> tuple[Tensor, ...]:
    """The user's photographs as bytes ``[H, W, 3]``: every n-th pixel, from the middle of the first n."""
    pictures = []
    for name in PHOTOGRAPHS:
        found = sorted(folder.glob(f"{name}.*"))
        if not found:
            raise UsageError(
                f"no photograph {name}.png or {name}.jpg in {folder} (needed: {', '.join(PHOTOGRAPHS)})"
            )
        values = np.asarray(open_rgb(found[0]))
        first = subsampling // 2
        pictures.append(torch.from_numpy(values[first::subsampling, first::subsampling].copy()))
    return tuple(pictures)
