"""ObjectNet: the images whose class ImageNet has too (Barbu et al. 2019).

The metric: a prediction among all 1,000 ImageNet classes is right if it is *any* class that the object maps to.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from prunekit.data.examples import FileExamples
from prunekit.data.imagenet import image_files
from prunekit.data.images import open_rgb, to_tensor, viewed
from prunekit.data.missing import need
from prunekit.data.preprocessing import View
from prunekit.errors import UsageError

PADDING = -1


def load(root: Path, split: str, *, border: int, view: View) -> FileExamples:
    """Labels int64 [N, K], padded with -1: every ImageNet class that is right. The only split is ``test``.

    ``border`` pixels are first cut off each side (a red line marks the images as only for testing); 2, as in the
    authors' template. Images of classes that ImageNet lacks are left out.
    """
    folder = need(root / "objectnet-1.0", "objectnet")
    accepted = mapped_classes(need(folder / "mappings", "objectnet"))
    images = need(folder / "images", "objectnet")
    paths, rows = [], []
    for name in sorted(accepted.keys() & {entry.name for entry in images.iterdir()}):
        found = image_files(images / name)
        paths += found
        rows += [torch.tensor(accepted[name])] * len(found)
    if not paths:
        raise UsageError(f"{images} has no images of the classes that it shares with ImageNet")
    labels = pad_sequence(rows, batch_first=True, padding_value=PADDING)
    read = partial(_read, border=border, view=view)
    return FileExamples(
        list(zip(paths, labels, strict=True)), torch.zeros(len(paths), dtype=torch.int64), read
    )


def _read(item: tuple[Path, Tensor], *, border: int, view: View) -> tuple[Tensor, Tensor]:
    image = open_rgb(item[0])
    inner = image.crop((border, border, image.width - border, image.height - border))
    return to_tensor(viewed(inner, view)), item[1]


def mapped_classes(mappings: Path) -> dict[str, list[int]]:
    """Image folder to the labels (0..999, as torchvision has them) of every ImageNet class it maps to."""
    folders = _read_json(mappings / "folder_to_objectnet_label.json")
    objects = _read_json(mappings / "objectnet_to_imagenet_1k.json")
    lines = _read_json(mappings / "pytorch_to_imagenet_2012_id.json")
    titles = (
        need(mappings / "imagenet_to_label_2012_v2", "objectnet").read_text(encoding="utf-8").splitlines()
    )
    try:
        labels = {titles[line].strip(): int(label) for label, line in lines.items()}
        return {
            folder: [labels[title] for title in objects[name].split("; ")]
            for folder, name in folders.items()
            if name in objects
        }
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"the files in {mappings} do not fit each other: {error}") from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(need(path, "objectnet").read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path} is damaged: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path} is damaged: not a table")
    return found
