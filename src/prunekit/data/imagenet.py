"""ImageNet (ILSVRC 2012) and ImageNet-C: class folders, or the flat validation images with their devkit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import torch
from PIL.Image import Image
from torch import Tensor

from prunekit.data.classes import names
from prunekit.data.examples import FileExamples
from prunekit.data.images import central, open_rgb, to_tensor, viewed
from prunekit.data.mat import read_mat
from prunekit.data.missing import need
from prunekit.data.preprocessing import View
from prunekit.errors import UsageError

FOLDER = "imagenet"
DEVKIT = "ILSVRC2012_devkit_t12/data"
ENDINGS = {".jpeg", ".jpg", ".png"}
Item = tuple[Path, int]


def load_imagenet(root: Path, split: str, *, view: View) -> FileExamples:
    """``train`` from its class folders; ``test`` is the validation set, in class folders or flat with the devkit."""
    folder = need(root / FOLDER, "imagenet")
    if split == "train":
        return in_files(class_items(need(folder / "train", "imagenet")), partial(viewed, view=view))
    images = need(folder / "val", "imagenet")
    flat = not any(entry.is_dir() for entry in images.iterdir())
    items = _flat_items(images, need(folder / DEVKIT, "imagenet")) if flat else class_items(images)
    return in_files(items, partial(viewed, view=view))


def load_imagenet_c(root: Path, corruption: str, severity: int, *, crop: int) -> FileExamples:
    """One published corruption: its images already have 224 pixels, so they are cropped but not resized."""
    folder = need(root / "imagenet-c", "imagenet-c") / corruption / str(severity)
    return in_files(class_items(need(folder, "imagenet-c")), partial(central, size=(crop, crop)))


def in_files(items: Iterable[Item], look: Callable[[Image], Image]) -> FileExamples:
    """Examples of (file, label) pairs, scaled and cropped by ``look``."""
    listed = list(items)
    labels = torch.tensor([label for _, label in listed])
    return FileExamples(listed, labels, partial(_read, look=look))


def _read(item: Item, *, look: Callable[[Image], Image]) -> tuple[Tensor, Tensor]:
    return to_tensor(look(open_rgb(item[0]))), torch.tensor(item[1])


def class_items(folder: Path) -> list[Item]:
    """Every image under ``folder/<WordNet id>/``; its label is the id's position among the 1,000 sorted ids."""
    labels = {name: label for label, name in enumerate(names("imagenet"))}
    items: list[Item] = []
    for place in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        if place.name not in labels:
            raise UsageError(
                f"{place} is not one of ImageNet's 1,000 classes: expected folders such as n01440764"
            )
        items += [(file, labels[place.name]) for file in image_files(place)]
    if not items:
        raise UsageError(f"{folder} has no images in class folders such as n01440764")
    return items


def image_files(folder: Path) -> list[Path]:
    """The images directly under ``folder``, sorted."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDINGS)


def _flat_items(images: Path, devkit: Path) -> list[Item]:
    """Pairs in the order of the image numbers, which is that of the devkit's lines."""
    files, labels = image_files(images), devkit_labels(devkit)
    if len(files) != len(labels):
        raise UsageError(f"{images} has {len(files)} images, but {devkit} has labels for {len(labels)}")
    return list(zip(files, labels, strict=True))


def devkit_labels(devkit: Path) -> list[int]:
    """Labels of the validation images: the devkit's own ids 1..1000 are in another order than the sorted classes."""
    labels = {name: label for label, name in enumerate(names("imagenet"))}
    classes = _synsets(need(devkit / "meta.mat", "imagenet"))
    truth = need(devkit / "ILSVRC2012_validation_ground_truth.txt", "imagenet")
    try:
        return [labels[classes[int(line)]] for line in truth.read_text(encoding="ascii").split()]
    except (KeyError, ValueError) as error:
        raise UsageError(f"{truth} has a line that is not a class of meta.mat: {error}") from None


def _synsets(meta: Path) -> dict[int, str]:
    """ILSVRC id to WordNet id: 1 to 1000 are the classes, the rest inner nodes of the tree."""
    try:
        return {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in read_mat(meta, "synsets")}
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise UsageError(f"{meta} is not the devkit's file: {error}") from None
