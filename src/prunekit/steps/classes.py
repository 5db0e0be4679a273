"""Preprocessing of a new network, and the classes of a distribution's images among those of its data set."""

from __future__ import annotations

import warnings
from pathlib import Path

from prunekit import distribution as grammar
from prunekit.data.datasets import Dataset
from prunekit.data.preprocessing import Preprocessing, seen
from prunekit.distribution import is_place
from prunekit.errors import PrunekitWarning, UsageError
from prunekit.params import Seeing
from prunekit.steps.context import dataset


def check_classes(distribution: str, opened: Dataset, root: Path) -> None:
    """Raise a :class:`UsageError` if a distribution has classes that the models of ``opened`` do not know."""
    parsed = grammar.parse(distribution)
    if not parsed.published and dataset(parsed.dataset, root).classes != opened.classes:
        raise UsageError(
            f"distribution {distribution}: the classes of {parsed.dataset} differ from those of "
            f"{opened.name}, on which the network was trained"
        )


def seen_with(own: Dataset, base: Preprocessing, fields: Seeing) -> Dataset:
    """A data set as a new network sees it: set fields, else ``base``; reports how images of several sizes are treated.

    :class:`UsageError` if two splits have different image sizes and no field says which one the network takes: a
    network trained on small images and shown resized large ones would be measured on a shift.
    """
    opened = seen(own, base.with_fields(fields))
    as_it_is = Preprocessing.of(opened).view == Preprocessing.of(own).view
    if fields.image_size is None and as_it_is:
        _check_one_size(own)
    if own.at is not None and is_place(own.name) and as_it_is:
        height, width = own.size
        warnings.warn(
            f"{own.name} has images of several sizes: each is scaled until it covers {height}x{width} "
            "pixels, and its centre is cropped (image_size, resize and crop change this)",
            PrunekitWarning,
            stacklevel=2,
        )
    return opened


def _check_one_size(own: Dataset) -> None:
    (first, side), *rest = own.sides.items() or [("", own.size)]
    for split, other in rest:
        if other != side:
            raise UsageError(
                f"{own.name}: the {first} images have {side[0]}x{side[1]} pixels, the {split} images "
                f"{other[0]}x{other[1]}: save them at one size, or give the network's input size "
                f"(image_size, such as --image-size {side[0]},{side[1]}: the others are scaled and "
                "cropped to it)"
            )


def known_classes(distribution: str, opened: Dataset, root: Path) -> tuple[int, ...] | None:
    """The network's classes that occur in a distribution, in its order; None if all of them do.

    :class:`UsageError` if an image may be of a class that the network does not know.
    """
    parsed = grammar.parse(distribution)
    if parsed.published or not is_place(parsed.dataset):
        check_classes(distribution, opened, root)
        return None
    names = dataset(parsed.dataset, root).classes
    if names == opened.classes:
        return None
    strange = [name for name in names if name not in opened.classes]
    if strange:
        raise UsageError(
            f"distribution {distribution}: {opened.name}, on which the network was trained, has no "
            f"class {strange[0]!r} (classes are matched by name)"
        )
    return tuple(opened.classes.index(name) for name in names)
