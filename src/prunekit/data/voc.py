"""PASCAL VOC and SBD segmentation: labels 0 (background) to 20, and 255 for pixels that do not count."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from prunekit.data.examples import FileExamples
from prunekit.data.images import DAMAGED, open_image, open_rgb, to_tensor
from prunekit.data.mat import read_mat
from prunekit.data.missing import need
from prunekit.errors import UsageError
from prunekit.tasks.segmentation import IGNORED

CLASSES = 21


class Layout(NamedTuple):
    """Where a release has its images, its label maps and the lists that name them, under the data folder."""

    folder: str
    images: str
    labels: str
    label_ending: str
    lists: str
    read_labels: Callable[[Path], NDArray[Any]]


def _read_png(path: Path) -> NDArray[Any]:
    """The palette indices of a label image; its colours are only for people."""
    with open_image(path) as image:
        if image.mode not in {"P", "L"}:
            raise ValueError(f"its mode is {image.mode}, not palette indices")
        return np.array(image)


def _read_mat(path: Path) -> NDArray[Any]:
    found: NDArray[Any] = read_mat(path, "GTcls")["Segmentation"].item()
    return found


_VOC = Layout("", "JPEGImages", "SegmentationClass", ".png", "ImageSets/Segmentation", _read_png)
LAYOUTS = {
    "voc2012": _VOC._replace(folder="VOCdevkit/VOC2012"),
    "voc2011": _VOC._replace(folder="TrainVal/VOCdevkit/VOC2011"),
    "sbd": Layout("benchmark_RELEASE/dataset", "img", "cls", ".mat", "", _read_mat),
}
LISTS = {"train": "train.txt", "test": "val.txt"}


def load(root: Path, split: str, *, name: str, size: int) -> FileExamples:
    """``train``, or the validation images as ``test``, each in a square of ``size`` pixels.

    The longer side is scaled to ``size`` (images bilinear, labels nearest); the rest of the square is black and
    labelled 255, so that it does not count. A :class:`UsageError` names the file.
    """
    layout = LAYOUTS[name]
    folder = need(root / layout.folder, name)
    listed = need(folder / layout.lists / LISTS[split], name).read_text(encoding="ascii").split()
    items = [
        (folder / layout.images / f"{image}.jpg", folder / layout.labels / f"{image}{layout.label_ending}")
        for image in listed
    ]
    if not items:
        raise UsageError(f"{folder / layout.lists / LISTS[split]} lists no images")
    read = partial(_read, size=size, read_labels=layout.read_labels)
    return FileExamples(items, torch.zeros(len(items), dtype=torch.int64), read)


def _read(
    item: tuple[Path, Path], *, size: int, read_labels: Callable[[Path], NDArray[Any]]
) -> tuple[Tensor, Tensor]:
    image, labels = open_rgb(item[0]), read_label_map(item[1], read_labels)
    if labels.shape != (image.height, image.width):
        raise UsageError(
            f"{item[1]} labels {labels.shape} pixels, but its image has {(image.height, image.width)}"
        )
    scale = size / max(image.size)
    scaled = tuple(max(1, round(side * scale)) for side in image.size)
    square = Image.new("RGB", (size, size))
    square.paste(image.resize((scaled[0], scaled[1]), Image.Resampling.BILINEAR))
    map_square = Image.new("L", (size, size), IGNORED)
    map_square.paste(Image.fromarray(labels).resize((scaled[0], scaled[1]), Image.Resampling.NEAREST))
    return to_tensor(square), torch.from_numpy(np.array(map_square).astype(np.int64))


def read_label_map(path: Path, read_labels: Callable[[Path], NDArray[Any]]) -> NDArray[np.uint8]:
    """uint8 [H, W] of 0..20 and 255; anything else in the file is a :class:`UsageError` that names it."""
    try:
        labels = read_labels(path)
    except (*DAMAGED, IndexError) as error:
        raise UsageError(f"unreadable label map {path}: {' '.join(str(error).split())}") from None
    if ((labels >= CLASSES) & (labels != IGNORED)).any():
        raise UsageError(f"{path} has a label that is neither 0 to {CLASSES - 1} nor {IGNORED}")
    return labels.astype(np.uint8)
