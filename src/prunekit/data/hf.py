"""``hf:PATH``: a Hugging Face data set on disk, as parquet files or as ``save_to_disk`` writes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from prunekit.data.cache import kept
from prunekit.data.datasets import Dataset
from prunekit.data.examples import ArrayExamples
from prunekit.data.folder_names import IMAGE_ENDINGS, located
from prunekit.data.glance import Glance
from prunekit.data.hf_names import check, contents, splits
from prunekit.data.images import Encoded, Source, decode_all, size_of
from prunekit.data.npy import checked_labels
from prunekit.data.own import TASK, augment_of, held, own_dataset
from prunekit.errors import UsageError


class Columns(NamedTuple):
    """The columns of images and labels, and the names of the classes."""

    image: str
    label: str
    classes: tuple[str, ...]


def open_saved(path: str, root: Path) -> Dataset:
    """The data set at ``path``: one image column, one class column, images of one size, decoded once and kept.

    :class:`UsageError` if pyarrow is not installed, a column is missing, or the images do not fit in memory.
    """
    check(path)
    folder = located(path, "hf")
    files = splits(folder)
    columns = read_columns(files["train"][0])
    held = contents(path, root).digest
    sides = {split: size_of(_images(found[:1], columns, rows=1)[0]) for split, found in files.items()}
    return own_dataset(
        f"hf:{path}",
        classes=columns.classes,
        size=sides["train"],
        splits=tuple(files),
        load=lambda split: _load(files[split], columns, root, key=f"hf-{split}-{held}"),
        keep=root,
        key=f"hf-train-{held}",
        contents=held,
    )._replace(sides=sides)


def glance_at(path: str) -> Glance:
    """What the files' schemas and the first image's header say."""
    check(path)
    files = splits(located(path, "hf"))
    columns = read_columns(files["train"][0])
    size = size_of(_images(files["train"][:1], columns, rows=1)[0])
    images = {
        split: sum(_table(file, [columns.label]).num_rows for file in found) for split, found in files.items()
    }
    return Glance(TASK, len(columns.classes), size, augment_of(size), images)


def _load(files: Sequence[Path], columns: Columns, root: Path, *, key: str) -> ArrayExamples:
    return ArrayExamples(**kept(root, key, lambda: _decoded(files, columns)))


def _decoded(files: Sequence[Path], columns: Columns) -> dict[str, Tensor]:
    images = _images(files, columns)
    size = size_of(images[0])
    if not held(len(images), size):
        raise UsageError(
            f"{files[0].parent}: {len(images)} images do not fit in memory; save them as a folder:"
        )
    found = [label for file in files for label in _column(file, columns.label).to_pylist()]
    if None in found:
        raise UsageError(f"{files[0]} has images without a label")
    if not all(isinstance(label, int) for label in found):
        raise UsageError(f"{files[0]} has labels that are not whole numbers")
    labels = checked_labels(torch.tensor(found), files[0], classes=len(columns.classes))
    return {"images": decode_all(images, size), "labels": labels}


def read_columns(file: Path) -> Columns:
    """The columns, from the features that the ``datasets`` library writes into a file's schema."""
    features = _features(file)
    images = _of_type(features, "Image")
    labels = sorted(_of_type(features, "ClassLabel"), key=lambda name: name not in {"label", "fine_label"})
    if not images or not labels:
        raise UsageError(
            f"{file} does not say which columns are the image and its class (features Image, ClassLabel)"
        )
    names = features[labels[0]].get("names")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise UsageError(f"{file} does not name the classes of {labels[0]!r}")
    return Columns(images[0], labels[0], tuple(names))


def _features(file: Path) -> dict[str, Any]:
    """What the schema says about the columns; empty if it has another form."""
    text = (_table(file, []).schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        found: Any = json.loads(text)
        for name in ("info", "features"):
            found = found.get(name, {})
    except (ValueError, AttributeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _column(file: Path, name: str) -> Any:
    table = _table(file, [name])
    if table.num_columns != 1:
        raise UsageError(f"{file} has no column {name!r}")
    return table.column(0)


def _of_type(features: dict[str, Any], kind: str) -> list[str]:
    return [
        name
        for name, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == kind
    ]


def _images(files: Sequence[Path], columns: Columns, *, rows: int | None = None) -> list[Source]:
    """The images of all files, in order; a row has the bytes, or the path of a file next to the table."""
    found: list[Source] = []
    for file in files:
        for row, image in enumerate(_column(file, columns.image).slice(0, rows).to_pylist()):
            found.append(_image(image, file, row))
    if not found:
        raise UsageError(f"{files[0]} has no images")
    return found


def _image(image: Any, file: Path, row: int) -> Source:
    held = image if isinstance(image, dict) else {}
    if isinstance(held.get("bytes"), bytes) and held["bytes"]:
        return Encoded(held["bytes"], f"{file}, row {row}")
    if isinstance(held.get("path"), str) and held["path"]:
        return _beside(file, held["path"], row)
    raise UsageError(f"{file}, row {row} has no image")


def _beside(file: Path, path: str, row: int) -> Path:
    """An image file next to its table: a data set from elsewhere cannot name any other file of this machine."""
    try:
        found = (file.parent / path).resolve()
        there = found.is_relative_to(file.parent.resolve()) and found.is_file()
    except (OSError, ValueError, RuntimeError):
        there = False
    if not there or found.suffix.lower() not in IMAGE_ENDINGS:
        raise UsageError(
            f"{file}, row {row}: {path!r} is not an image next to it ({', '.join(IMAGE_ENDINGS)})"
        )
    return found


def _table(file: Path, columns: list[str]) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        if file.suffix == ".parquet":
            return parquet.read_table(file, columns=columns)
        with pyarrow.memory_map(str(file)) as source:
            return pyarrow.ipc.open_stream(source).read_all().select(columns)
    except (pyarrow.ArrowException, OSError, KeyError, ValueError) as error:
        raise UsageError(f"{file} is damaged: {' '.join(str(error).split())}") from None
