"""``folder:PATH``: any image folder, held as one tensor if it fits, otherwise read file by file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from prunekit.data.cache import kept
from prunekit.data.contents import Contents
from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples, Examples, FileExamples
from prunekit.data.folder_names import Listing, class_names, contents, listings_of, located, split_folders
from prunekit.data.glance import Glance
from prunekit.data.images import check_size, decode, decode_all, open_rgb, size_of, to_tensor, viewed
from prunekit.data.own import TASK, augment_of, held, own_dataset
from prunekit.data.preprocessing import View
from prunekit.data.scaling import SCALING_VERSION

# For images of several sizes: the step and the maximum of the side of the square that they are cropped to.
STEP_PX, LARGEST_PX = 32, 224
# The number of headers that a glance reads.
GLANCED = 16


def open_folder(path: str, root: Path) -> Dataset:
    """The image folder at ``path``: classes are the folder names, sorted; mean and std are of its training images.

    Images of several sizes are scaled until they cover a square and cropped to it (:func:`square`), unless a network
    says otherwise. A folder without training images can be used for measuring. Decoded images are kept under
    ``root/cache`` by the digest of the files. :class:`UsageError` for a folder of another layout and for an unreadable
    image (named).
    """
    folder = located(path)
    classes = class_names(folder)
    listings = listings_of(folder, classes)
    held, places = contents(path, root), split_folders(folder)
    keys = {split: _key(held, split, place.relative_to(folder)) for split, place in places.items()}
    sizes = {split: sizes_of(listing, root, key=keys[split]) for split, listing in listings.items()}
    first = next(iter(listings))
    several = any(len(set(found)) > 1 for found in sizes.values())
    view = View(square(sizes[first]) if several else sizes[first][0])

    def at(view: View | None) -> Callable[[str], Examples]:
        return lambda split: load_listing(listings[split], root, key=keys[split], view=view)

    return own_dataset(
        f"folder:{path}",
        classes=classes,
        size=view.size,
        splits=tuple(listings),
        load=at(view if several else None),
        at=at if several else None,
        keep=root,
        key=keys[first] + (f"-{view.size[0]}" if several else ""),
        contents=held.digest,
    )._replace(sides={split: found[0] for split, found in sizes.items() if len(set(found)) == 1})


def square(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The input size for images of several sizes (H, W): a square of the median shorter side, at most 224 pixels.

    Rounded down to a multiple of 32, at least 32: networks halve their inputs.
    """
    side = sorted(min(size) for size in sizes)[len(sizes) // 2]
    side = max(STEP_PX, min(LARGEST_PX, side) // STEP_PX * STEP_PX)
    return side, side


def sizes_of(listing: Listing, root: Path, *, key: str) -> list[tuple[int, int]]:
    """The size (H, W) of every image, from the headers; kept under ``key``."""

    def read() -> dict[str, Tensor]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return {"sizes": torch.tensor(list(pool.map(size_of, listing.paths)), dtype=torch.int32)}

    return [(height, width) for height, width in kept(root, f"{key}-sizes", read)["sizes"].tolist()]


def glance_at(path: str) -> Glance:
    """What the names in the folder and the first images' headers say."""
    folder = located(path)
    classes = class_names(folder)
    listings = listings_of(folder, classes)
    found = [size_of(image) for image in next(iter(listings.values())).paths[:GLANCED]]
    size = square(found) if len(set(found)) > 1 else found[0]
    images = {split: len(listing.labels) for split, listing in listings.items()}
    return Glance(TASK, len(classes), size, augment_of(size), images)


def load_listing(listing: Listing, root: Path, *, key: str, view: View | None = None) -> Examples:
    """The images of one split in the order of its listing, kept decoded under ``key``.

    Through ``view`` if they have several sizes; without one they must have the same size.
    """
    labels = torch.tensor(listing.labels)
    size = size_of(listing.paths[0]) if view is None else view.size
    if not held(len(labels), size):
        return _in_files(listing, labels, view)
    seen = () if view is None else (*view.size, *view[1:], f"v{SCALING_VERSION}")
    name = "-".join([key, *map(str, seen)])
    return ArrayExamples(
        **kept(root, name, lambda: {"images": decode_all(listing.paths, size, view), "labels": labels})
    )


def _in_files(listing: Listing, labels: Tensor, view: View | None) -> FileExamples:
    if view is None:
        first, size = listing.paths[0], size_of(listing.paths[0])
        for path in listing.paths:
            check_size(str(path), size_of(path), str(first), size)
    items = list(zip(listing.paths, labels, strict=True))
    return FileExamples(items, labels, read_labelled if view is None else partial(read_seen, view=view))


def read_labelled(item: tuple[Path, Tensor]) -> tuple[Tensor, Tensor]:
    """The image of a (file, label) pair, and the label."""
    return decode(item[0]), item[1]


def read_seen(item: tuple[Path, Tensor], view: View) -> tuple[Tensor, Tensor]:
    """The image of a (file, label) pair through a network's view, and the label."""
    return to_tensor(viewed(open_rgb(item[0]), view)), item[1]


def _key(held: Contents, split: str, place: Path) -> str:
    start = "" if place == Path() else f"{place}/"
    return f"folder-{split}-{held.of(start)}"
