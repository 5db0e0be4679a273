"""Images with their labels: held as one tensor, or read from files when asked."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol, Self

import torch
from torch import Tensor

Device = torch.device | str


class Examples(Protocol):
    """Images uint8 [N, 3, H, W] and labels int64 [N] (segmentation [N, H, W]; ObjectNet [N, K] padded with -1)."""

    @property
    def strata(self) -> Tensor:
        """The class of every image, int64 [N], for stratified splits; all 0 if images have no single class."""

    def __len__(self) -> int: ...

    def take(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The images and labels at ``indices`` (int64 [n]), on the device of the examples."""

    def subset(self, indices: Tensor) -> Self:
        """The examples at ``indices``, in that order."""

    def to(self, device: Device) -> Self:
        """The same examples, returned on ``device``."""


@dataclass(frozen=True, eq=False)
class ArrayExamples:
    """Examples held as two tensors on one device."""

    images: Tensor
    labels: Tensor

    @property
    def strata(self) -> Tensor:
        """The labels if there is one per image; otherwise zeros."""
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
# all images of one set must come out in the same size.
Read = Callable[[Any], tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class FileExamples:
    """Examples read from files when asked, by threads that all sets of a process share.

    ``read(item)`` is one image and its label.
    """

    items: Sequence[Any]
    strata: Tensor
    read: Read
    device: Device = "cpu"

    def __len__(self) -> int:
        return len(self.items)

    def take(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Read the files at ``indices``; an unreadable one is a :class:`UsageError` that names it."""
        wanted = [self.items[place] for place in indices.tolist()]
        if not wanted:
            return torch.empty(0, 3, 0, 0, dtype=torch.uint8), torch.empty(0, dtype=torch.int64)
        images, labels = _read_all(wanted, self.read)
        return _placed(images, self.device), _placed(labels, self.device)

    def subset(self, indices: Tensor) -> FileExamples:
        """The same reader over the files at ``indices``."""
        items = [self.items[place] for place in indices.tolist()]
        return replace(self, items=items, strata=self.strata[indices.cpu()])

    def to(self, device: Device) -> FileExamples:
        """The same files, whose images and labels are returned on ``device``."""
        return replace(self, device=device)


# Batches to read ahead of the current one, and threads that read besides one per core, since some wait for a file.
AHEAD = 3
MORE_READERS = 1
# Items that a thread reads before it asks for more: handing over every single one takes a tenth of the time.
RUN = 8


def _read_all(items: Sequence[Any], read: Read) -> tuple[Tensor, Tensor]:
    """The images and labels of one item or more; each thread puts what it read straight into its place."""
    first = read(items[0])
    images, labels = (part.new_empty((len(items), *part.shape)) for part in first)
    images[0], labels[0] = first
    readers, threads = _readers()
    run = max(1, min(RUN, (len(items) - 1) // threads))

    def fill(start: int) -> None:
        for place in range(start, min(start + run, len(items))):
            image, label = read(items[place])
            if (image.shape, label.shape) != (images.shape[1:], labels.shape[1:]):
                raise ValueError(f"{items[place]}: {list(image.shape)}, not {list(images.shape[1:])}")
            images[place], labels[place] = image, label

    for _ in readers.map(fill, range(1, len(items), run)):
        pass
    return images, labels


@cache
def _readers() -> tuple[ThreadPoolExecutor, int]:
    """The threads that read and decode, and their number: kept between batches so that no batch starts or joins any."""
    threads = len(os.sched_getaffinity(0)) + MORE_READERS
    return ThreadPoolExecutor(threads, "prunekit-read"), threads


os.register_at_fork(after_in_child=_readers.cache_clear)  # threads do not survive a fork


def _placed(values: Tensor, device: Device) -> Tensor:
    """The values on ``device``; a copy to a GPU is made from pinned memory, in parallel with other work."""
    if torch.device(device).type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def taken(examples: Examples, parts: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """``examples.take`` of each part, in order; parts in files are read ``AHEAD`` parts in advance."""
    if isinstance(examples, ArrayExamples):
        yield from map(examples.take, parts)
        return
    coming: deque[Future[tuple[Tensor, Tensor]]] = deque()
    with ThreadPoolExecutor(AHEAD, "prunekit-ahead") as ahead:
        try:
            for part in parts:
                coming.append(ahead.submit(examples.take, part))
                if len(coming) > AHEAD:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()
        finally:
            for each in coming:
                each.cancel()
