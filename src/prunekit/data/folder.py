"""``folder:PATH``: any image folder, held as one tensor when it fits, else read file by file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from prunekit.data.cache import kept
from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples, Examples, FileExamples
from prunekit.data.folder_names import Listing, class_names, list_split, splits_of
from prunekit.data.images import check_size, decode, decode_all, size_of
from prunekit.data.statistics import channel_statistics

# A split whose pixels take more than this is not held in memory but read when asked (2 GiB).
HELD_BYTES = 2 * 2**30
# From this many pixels a side images are augmented as ImageNet's are, below it as CIFAR's.
LARGE_PX = 100


def open_folder(path: str, root: Path) -> Dataset:
    """The image folder at ``path``: classes are the folder names, sorted; mean and std are of its training images.

    Decoded images are kept under ``root/cache`` until a file's name, size or time changes. :class:`UsageError` for a
    folder of another layout, an unreadable image (named) and images of several sizes (two are named).
    """
    folder = Path(path).expanduser().resolve()
    classes = class_names(folder)
    train = list_split(folder / "train", classes)
    mean, std = _statistics(train, root)
    size = size_of(train.paths[0])
    return Dataset(
        name=f"folder:{path}",
        task="classification",
        classes=classes,
        mean=mean,
        std=std,
        size=size,
        augment="crop-flip" if max(size) < LARGE_PX else "resized-crop-flip",
        splits=splits_of(folder),
        load=lambda split: load_listing(list_split(folder / split, classes), root),
    )


def load_listing(listing: Listing, root: Path) -> Examples:
    """The images of one split in the order of its listing."""
    labels = torch.tensor(listing.labels)
    size = size_of(listing.paths[0])
    if len(labels) * 3 * size[0] * size[1] > HELD_BYTES:
        return _in_files(listing, labels, size)
    name = f"folder-{_fingerprint(listing)}"
    return ArrayExamples(
        **kept(root, name, lambda: {"images": decode_all(listing.paths, size), "labels": labels})
    )


def _in_files(listing: Listing, labels: Tensor, size: tuple[int, int]) -> FileExamples:
    for path in listing.paths:
        check_size(path, size_of(path), listing.paths[0], size)
    return FileExamples(list(zip(listing.paths, labels, strict=True)), labels, read_labelled)


def read_labelled(item: tuple[Path, Tensor]) -> tuple[Tensor, Tensor]:
    """The image of a (file, label) pair, and the label."""
    return decode(item[0]), item[1]


def _statistics(listing: Listing, root: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The channels' mean and std, kept like the images: a second opening reads no pixel."""

    def measure() -> dict[str, Tensor]:
        mean, std = channel_statistics(load_listing(listing, root))
        return {
            "mean": torch.tensor(mean, dtype=torch.float64),
            "std": torch.tensor(std, dtype=torch.float64),
        }

    found = kept(root, f"folder-{_fingerprint(listing)}-statistics", measure)
    return tuple(found["mean"].tolist()), tuple(found["std"].tolist())


def _fingerprint(listing: Listing) -> str:
    """A digest of every file's place, size and time of change."""
    digest = hashlib.sha256()
    for path in listing.paths:
        status = path.stat()
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
