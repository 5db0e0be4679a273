"""Images with their labels: held as one tensor, or read from files when asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import torch
from torch import Tensor

Device = torch.device | str


class Examples(Protocol):
    """Images uint8 [N, 3, H, W] and labels int64 [N] (segmentation [N, H, W]; ObjectNet [N, K] padded with -1)."""

    @property
    def strata(self) -> Tensor:
        """The class of every image, int64 [N], for stratified splits; all 0 where images have no one class."""

    def __len__(self) -> int: ...

    def take(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The images and labels at ``indices`` (int64 [n]), on the device of the examples."""

    def subset(self, indices: Tensor) -> Self:
        """The examples at ``indices``, in that order."""

    def to(self, device: Device) -> Self:
        """The same examples, given out on ``device``."""


@dataclass(frozen=True, eq=False)
class ArrayExamples:
    """Examples held as two tensors on one device."""

    images: Tensor
    labels: Tensor

    @property
    def strata(self) -> Tensor:
        """The labels where there is one per image."""
        return self.labels if self.labels.ndim == 1 else torch.zeros(len(self), dtype=torch.int64)

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Copies of the images and labels at ``indices``."""
        where = indices.to(self.images.device)
        return self.images[where], self.labels[where]

    def subset(self, indices: Tensor) -> ArrayExamples:
        """The examples at ``indices``, copied."""
        return ArrayExamples(*self.take(indices))

    def to(self, device: Device) -> ArrayExamples:
        """The same examples with both tensors on ``device``."""
        return ArrayExamples(self.images.to(device), self.labels.to(device))


# Reads one item (its image file and its label or label file) to uint8 [3, H, W] and an int64 label;
# every image of one set must come out in one size.
Read = Callable[[Any], tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class FileExamples:
    """Examples read from files when asked, by parallel threads: ``read(item)`` is one image and its label."""

    items: Sequence[Any]
    strata: Tensor
    read: Read
    device: Device = "cpu"
    threads: int = 8

    def __len__(self) -> int:
        return len(self.items)

    def take(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Read the files at ``indices``; an unreadable one is a :class:`UsageError` that names it."""
        wanted = [self.items[place] for place in indices.tolist()]
        if not wanted:
            return torch.empty(0, 3, 0, 0, dtype=torch.uint8), torch.empty(0, dtype=torch.int64)
        with ThreadPoolExecutor(self.threads) as pool:
            images, labels = zip(*pool.map(self.read, wanted), strict=True)
        return torch.stack(images).to(self.device), torch.stack(labels).to(self.device)

    def subset(self, indices: Tensor) -> FileExamples:
        """The same reader over the files at ``indices``."""
        items = [self.items[place] for place in indices.tolist()]
        return replace(self, items=items, strata=self.strata[indices.cpu()])

    def to(self, device: Device) -> FileExamples:
        """The same files, whose images and labels are given out on ``device``."""
        return replace(self, device=device)
