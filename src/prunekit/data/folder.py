"""``folder:PATH``: any image folder, held as one tensor when it fits, else read file by file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from prunekit.data.cache import kept
from prunekit.data.contents import Contents
from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples, Examples, FileExamples
from prunekit.data.folder_names import Listing, class_names, contents, list_split, splits_of
from prunekit.data.glance import Glance
from prunekit.data.images import check_size, decode, decode_all, size_of
from prunekit.data.own import TASK, augment_of, held, own_dataset


def open_folder(path: str, root: Path) -> Dataset:
    """The image folder at ``path``: classes are the folder names, sorted; mean and std are of its training images.

    Decoded images are kept under ``root/cache`` by the digest of what the files hold. :class:`UsageError` for a
    folder of another layout, an unreadable image (named) and images of several sizes (two are named).
    """
    folder = Path(path).expanduser().resolve()
    classes = class_names(folder)
    listings = _listings(folder, classes)
    held = contents(path, root)
    return own_dataset(
        f"folder:{path}",
        classes=classes,
        size=size_of(listings["train"].paths[0]),
        splits=tuple(listings),
        load=lambda split: load_listing(listings[split], root, key=_key(held, split)),
        keep=root,
        key=_key(held, "train"),
        contents=held.digest,
    )


def _listings(folder: Path, classes: tuple[str, ...]) -> dict[str, Listing]:
    return {split: list_split(folder / split, classes) for split in splits_of(folder)}


def glance_at(path: str) -> Glance:
    """What the names in the folder and its first image's header tell."""
    folder = Path(path).expanduser().resolve()
    classes = class_names(folder)
    listings = _listings(folder, classes)
    size = size_of(listings["train"].paths[0])
    images = {split: len(listing.labels) for split, listing in listings.items()}
    return Glance(TASK, len(classes), size, augment_of(size), images)


def load_listing(listing: Listing, root: Path, *, key: str) -> Examples:
    """The images of one split in the order of its listing, kept decoded under ``key``."""
    labels = torch.tensor(listing.labels)
    size = size_of(listing.paths[0])
    if not held(len(labels), size):
        return _in_files(listing, labels, size)
    return ArrayExamples(
        **kept(root, key, lambda: {"images": decode_all(listing.paths, size), "labels": labels})
    )


def _in_files(listing: Listing, labels: Tensor, size: tuple[int, int]) -> FileExamples:
    for path in listing.paths:
        check_size(str(path), size_of(path), str(listing.paths[0]), size)
    return FileExamples(list(zip(listing.paths, labels, strict=True)), labels, read_labelled)


def read_labelled(item: tuple[Path, Tensor]) -> tuple[Tensor, Tensor]:
    """The image of a (file, label) pair, and the label."""
    return decode(item[0]), item[1]


def _key(held: Contents, split: str) -> str:
    return f"folder-{split}-{held.of(f'{split}/')}"
