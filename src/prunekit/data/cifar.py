"""CIFAR-10 and CIFAR-100 (the binary version: no pickle), CIFAR-10.1, CIFAR-10-C and CIFAR-100-C as published."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from prunekit.data.classes import names
from prunekit.data.examples import ArrayExamples
from prunekit.data.missing import need
from prunekit.data.npy import checked_labels, read_images, read_labels, to_channels_first
from prunekit.distribution import SEVERITIES
from prunekit.errors import UsageError

PIXEL_BYTES = 3 * 32 * 32


class Binary(NamedTuple):
    """One data set in records of label bytes (the last is the class) and 3,072 pixels: R, G, B planes, row by row."""

    folder: str
    files: dict[str, tuple[str, ...]]
    file_records: dict[str, int]
    label_bytes: int
    class_file: str


BINARIES = {
    "cifar10": Binary(
        folder="cifar-10-batches-bin",
        files={"train": tuple(f"data_batch_{part}.bin" for part in range(1, 6)), "test": ("test_batch.bin",)},
        file_records={"train": 10_000, "test": 10_000},
        label_bytes=1,
        class_file="batches.meta.txt",
    ),
    "cifar100": Binary(
        folder="cifar-100-binary",
        files={"train": ("train.bin",), "test": ("test.bin",)},
        file_records={"train": 50_000, "test": 10_000},
        label_bytes=2,
        class_file="fine_label_names.txt",
    ),
}


def load_binary(root: Path, split: str, *, name: str) -> ArrayExamples:
    """All images of one split, in file order; ``name`` is a key of ``BINARIES``.

    :class:`UsageError` names a file that is missing, cut short, or has labels or class names of another data set.
    """
    binary, classes = BINARIES[name], names(name)
    folder = need(root / binary.folder, name)
    _check_classes(folder / binary.class_file, classes)
    parts = [_records(folder / file, name, binary.file_records[split]) for file in binary.files[split]]
    records = np.concatenate(parts)
    labels = torch.from_numpy(records[:, binary.label_bytes - 1].astype(np.int64))
    images = torch.from_numpy(records[:, binary.label_bytes :].reshape(-1, 3, 32, 32))
    return ArrayExamples(images.contiguous(), checked_labels(labels, folder, classes=len(classes)))


def _records(path: Path, name: str, count: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """uint8 [count, label bytes + 3072]."""
    size = (BINARIES[name].label_bytes + PIXEL_BYTES) * count
    found = need(path, name).stat().st_size
    if found != size:
        raise UsageError(
            f"{path} has {found} bytes, not {size} (get it again with `prunekit data get {name}`)"
        )
    return np.fromfile(path, dtype=np.uint8).reshape(count, -1)


def _check_classes(path: Path, classes: tuple[str, ...]) -> None:
    """Refuse a list of class names, which comes with the files, that is not the known one."""
    if path.exists() and tuple(path.read_text(encoding="utf-8").split()) != classes:
        raise UsageError(
            f"{path} lists classes that differ from the published ones: {', '.join(classes[:3])}, …"
        )


def load_cifar10_1(root: Path, split: str, *, version: str) -> ArrayExamples:
    """CIFAR-10.1 ``version`` v4 or v6: new test images for CIFAR-10 (Recht et al. 2018), the only split."""
    name = "cifar10.1" if version == "v6" else f"cifar10.1-{version}"
    folder = need(root / "cifar10.1", name)
    images = read_images(folder / f"cifar10.1_{version}_data.npy", name)
    labels = read_labels(folder / f"cifar10.1_{version}_labels.npy", name, classes=10, count=len(images))
    return ArrayExamples(to_channels_first(images), labels)


def load_shifted(
    root: Path, corruption: str, severity: int, *, name: str, folder: str, classes: int
) -> ArrayExamples:
    """One severity of one published corruption: the file holds the test set five times, severity 1 first."""
    place = need(root / folder, name)
    images = read_images(place / f"{corruption}.npy", name)
    count, rest = divmod(len(images), len(SEVERITIES))
    if rest:
        raise UsageError(
            f"{place / corruption}.npy has {len(images)} images: not five severities of one test set"
        )
    labels = read_labels(place / "labels.npy", name, classes=classes, count=len(images))
    rows = slice((severity - 1) * count, severity * count)
    return ArrayExamples(to_channels_first(images[rows]), labels[rows])
